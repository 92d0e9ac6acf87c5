"""wadi status [VIDEO]"""

import argparse
from typing import Any

from cli.exits import Exit
from cli.numbers import seconds
from cli.session import Session

HELP = "how far a video is; without VIDEO, how the platform is"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", nargs="?", metavar="VIDEO", help="a video's id or link")
    parser.add_argument("--watch", action="store_true", help="stay until the video is ready or has failed")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="with --watch: give up after S seconds")


def run(args: argparse.Namespace, session: Session) -> Exit:
    if args.video is None:
        return _platform(session)
    from cli.names import video_id

    name = video_id(args.video)
    if args.watch:
        from cli.follow import follow_to_the_end
        from cli.model import Video

        return follow_to_the_end(session, session.api.get(f"/api/videos/{name}", Video), args.timeout)
    return _video(session, name)


def _video(session: Session, video_id: str) -> Exit:
    from cli.model import Status, Video
    from cli.stages import picture

    if session.out.json:
        session.out.emit(session.api.get(f"/api/videos/{video_id}/status", dict[str, Any]))
        return Exit.OK
    video = session.api.get(f"/api/videos/{video_id}", Video)
    session.out.say(f"{video.title} ({video.id})", style="bold")
    session.out.console.print(picture(session.api.get(f"/api/videos/{video_id}/status", Status)))
    return Exit.OK


def _platform(session: Session) -> Exit:
    from cli.commands.ps import function
    from cli.platform import local_status

    status = local_status(session)
    functions = [function(each, status["sources"]) for each in status["services"]]
    summary = {
        "up": True,
        "url": status["url"],
        "pid": status["pid"],
        "up_seconds": status["up_seconds"],
        "functions": len(functions),
        "processes": sum(len(each["pids"]) for each in functions),
        "owed": sum(each["owed"] for each in functions),
    }
    if session.out.json:
        session.out.emit(summary)
    else:
        session.out.say("The platform is up at {url} (process {pid}) since {up_seconds:.0f} s.".format(**summary))
        session.out.say("{processes} processes of {functions} functions; {owed} events on their way.".format(**summary))
    return Exit.OK
