"""Watching one video to its end and saying how it ended."""

from cli.errors import CliError
from cli.exits import Exit
from cli.model import Status, Video
from cli.result import exit_of, result
from cli.retrying import GIVE_UP_SECONDS, Retrying
from cli.session import Session
from cli.stages import follow
from cli.watch import watch


def follow_to_the_end(session: Session, video: Video, timeout: float | None) -> Exit:
    """Shows the stages; prints the links, or with --json the one object that tells all."""
    video, status = watched(session, video, timeout)
    code = exit_of(status.state)
    if session.out.json:
        session.out.emit(result(session.api, video, status))
    elif code is Exit.OK:
        print_links(session, video)
    if code is Exit.TIMED_OUT:
        session.out.error(
            f"The video is not ready after {timeout:g} s; the work on it goes on.", f"See: wadi status {video.id}"
        )
    return code


def watched(session: Session, video: Video, timeout: float | None) -> tuple[Video, Status]:
    session.out.say(f"{video.title} ({video.id})", style="bold")
    try:
        status = follow(session.out, watch(session.api, video.id, timeout=timeout))
    except KeyboardInterrupt:
        raise CliError(
            "No longer watching; the work on the video goes on.",
            Exit.INTERRUPTED,
            hint=f"Watch again with: wadi status {video.id} --watch",
        ) from None
    # Asked again: duration, size and links are known only now.
    return Retrying(GIVE_UP_SECONDS).run(lambda: session.api.get(f"/api/videos/{video.id}", Video)), status


def print_links(session: Session, video: Video) -> None:
    links = result(session.api, video)
    token = f"?token={links['token']}" if "token" in links else ""
    for name, key in (("Watch", "watch_url"), ("HLS", "hls_url"), ("DASH", "dash_url")):
        if key in links:
            session.out.say(f"  {name:<6}{links[key]}{token}")
