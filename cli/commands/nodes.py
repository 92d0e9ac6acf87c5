"""wadi nodes list|add|drain|remove|weight"""

import argparse
from typing import TYPE_CHECKING

from cli.exits import Exit
from cli.session import Session

if TYPE_CHECKING:
    from cli.model import Node, Rebalance

HELP = "the nodes that store objects: list, add, drain, remove, weigh them (administrators)"


def arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)

    def command(name: str, help_: str) -> argparse.ArgumentParser:
        below = commands.add_parser(name, help=help_, description=help_)
        below.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return below

    command("list", "what they hold, whether they answer, and how far the rebalancing is")
    add = command("add", "take a directory of the platform's machine, or s3://bucket/prefix, as a node")
    add.add_argument("location", metavar="LOCATION")
    add.add_argument("--weight", type=float, default=1.0, metavar="W", help="its share beside the others' (1)")
    add.add_argument("--zone", default="", metavar="ZONE", help="replicas come to distinct zones where there are any")
    add.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of a bucket: endpoint, region, profile, public",
    )
    drain = command("drain", "empty a node in the background, then remove it")
    remove = command("remove", "remove a node at once, without reading it any more: for one that is gone for good")
    weight = command("weight", "change a node's weight or zone")
    for below in (drain, remove, weight):
        below.add_argument("node", metavar="NODE")
    remove.add_argument(
        "--lose", type=int, default=0, metavar="N", help="give up exactly N objects of which it has the last replica"
    )
    weight.add_argument("weight", type=float, metavar="W")
    weight.add_argument("--zone", default=None, metavar="ZONE")


def run(args: argparse.Namespace, session: Session) -> Exit:
    session.api.token(required=True)
    if args.subcommand == "list":
        return _list(session)
    node = _changed(args, session)
    if session.out.json:
        session.out.emit(node)
    else:
        session.out.say(f"{node.id} ({node.location}) is {node.state}, weight {node.weight:g}")
        session.out.say("Objects are moved in the background; follow it with: wadi nodes list")
    return Exit.OK


def _changed(args: argparse.Namespace, session: Session) -> "Node":
    from cli.model import Node

    api = session.api
    match args.subcommand:
        case "add":
            kind = "s3" if args.location.startswith("s3://") else "directory"
            body = {"location": args.location, "kind": kind, "weight": args.weight, "zone": args.zone}
            return api.post("/api/nodes", Node, body | {"options": _options(args.option)})
        case "drain":
            return api.take_away(_path(args.node), Node)
        case "remove":
            return api.take_away(_path(args.node), Node, force="true", lose=args.lose)
        case _:
            changes = {"weight": args.weight} | ({} if args.zone is None else {"zone": args.zone})
            return api.patch(_path(args.node), Node, changes)


def _path(node: str) -> str:
    from urllib.parse import quote

    return f"/api/nodes/{quote(node, safe='')}"


def _options(given: list[str]) -> dict[str, str]:
    from cli.errors import CliError

    options = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found:
            raise CliError(f"--option {text}: give it as NAME=VALUE.", Exit.USAGE)
        options[name] = value
    return options


def _list(session: Session) -> Exit:
    from cli.model import NodeOverview

    seen = session.api.get("/api/nodes", NodeOverview)
    if session.out.json:
        for node in seen.nodes:
            session.out.emit(node)
        return Exit.OK
    headings = ["id", "state", "health", "weight", "share", "zone", "objects", "shards", "bytes", "free", "location"]
    session.out.table(headings, [_row(node) for node in seen.nodes])
    session.out.say(_progress(seen.rebalance))
    return Exit.OK


def _row(node: "Node") -> list[str]:
    from cli.upload.show import size

    free = "" if node.free is None else size(node.free)
    return [
        node.id,
        node.state,
        node.health,
        f"{node.weight:g}",
        f"{node.share:.0%}",
        node.zone,
        str(node.objects),
        str(node.shards),
        size(node.bytes),
        free,
        node.location,
    ]


def _progress(rebalance: "Rebalance") -> str:
    from cli.upload.show import size

    moved = f"{rebalance.copied} copied ({size(rebalance.copied_bytes)}), {rebalance.dropped} let go"
    match rebalance.state:
        case "idle":
            return f"Everything is where it belongs; last time: {moved}."
        case "waiting":
            return f"{rebalance.waiting} objects wait for a node, such as {rebalance.reason}; {moved}."
        case _:
            return f"Rebalancing: {rebalance.seen} of {rebalance.objects} objects looked at, {moved}."
