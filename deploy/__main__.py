"""`./task deploy`: brings an overlay, or one function of it, to the cluster that kubectl speaks to."""

import argparse
import sys

from deploy import canary, manifests, release
from deploy.tools import DeployError


def main() -> int:
    parser = argparse.ArgumentParser(prog="./task deploy --", description=__doc__)
    known = ", ".join(manifests.overlays())
    parser.add_argument("--overlay", default="production", metavar="NAME", help=f"{known}, or a folder (production)")
    parser.add_argument("--only-migrations", action="store_true", help="settings and database, no function")
    parser.add_argument("--function", default="", metavar="NAME", help="only this one, such as login")
    parser.add_argument("--canary", type=int, default=0, metavar="PERCENT", help="try it with so much of the traffic")
    parser.add_argument("--watch", type=float, default=60, metavar="S", help="how long a canary is watched (60)")
    parser.add_argument(
        "--check", default="", metavar="COMMAND", help="must end with 0; $CANARY_URL is the new revision"
    )
    parser.add_argument(
        "--rollback", nargs="?", const="", default=None, metavar="REVISION", help="back to the revision before"
    )
    parser.add_argument("--timeout", type=float, default=300, metavar="S", help="to become ready within (300)")
    chosen = parser.parse_args()
    if (chosen.canary or chosen.rollback is not None) and not chosen.function:
        parser.error("--canary and --rollback are for one function: name it with --function")
    if not 0 <= chosen.canary < 100:
        parser.error("--canary is from 1 to 99 percent")
    name = chosen.function.replace("_", "-")
    try:
        if chosen.rollback is not None:
            canary.roll_back(name, chosen.rollback, say)
            return 0
        built = manifests.build(chosen.overlay)
        if chosen.canary:
            wanted = manifests.service(built, name)
            canary.release(wanted, chosen.canary, chosen.watch, chosen.check, chosen.timeout, say)
        elif name:
            release.function(built, name, chosen.timeout, say)
        elif chosen.only_migrations:
            release.prepare(built, chosen.timeout, say)
        else:
            release.everything(built, chosen.timeout, say)
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was applied stays, the same command goes on.", file=sys.stderr)
        return 130
    return 0


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
