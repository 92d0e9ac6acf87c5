"""wadi search QUERY"""

import argparse
from typing import Any

from cli.exits import Exit
from cli.numbers import whole_number
from cli.session import Session

HELP = "search titles, descriptions and messages"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", nargs="+", metavar="QUERY", help="words; the last may be the beginning of one")
    parser.add_argument("--kind", choices=["video", "message"], help="only results of this kind")
    parser.add_argument("--limit", type=whole_number, default=20, metavar="N", help="at most N (20)")


def run(args: argparse.Namespace, session: Session) -> Exit:
    query = " ".join(args.query)
    found = session.api.get("/api/search", dict[str, Any], q=query, kind=args.kind, limit=args.limit)["results"]
    if session.out.json:
        for each in found:
            session.out.emit(each)
    elif not found:
        session.out.say(f"Nothing was found for {query!r}.")
    else:
        session.out.table(["id", "kind", "title", "text"], [_row(each) for each in found])
    return Exit.OK


def _row(found: dict[str, Any]) -> list[str]:
    return [found["video_id"], found["kind"], found["title"], plain(found["snippet"])]


def plain(snippet: str) -> str:
    """A snippet is HTML that marks what was found; here it is text."""
    import html

    return " ".join(html.unescape(snippet.replace("<mark>", "").replace("</mark>", "")).split())
