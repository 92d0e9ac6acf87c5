"""python -m local up [--daemon] | down | ps | status | logs"""

import argparse
import sys
from pathlib import Path

from local import commands
from local.layout import ROOT, SERVE
from local.manifests import ManifestError
from local.postgres import LocalError
from shared.config import ConfigError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description="Runs Wadi on this machine.")
    parts = parser.add_subparsers(dest="command", required=True)
    up = parts.add_parser("up", help="start everything")
    up.add_argument("--daemon", action="store_true", help="return as soon as it is up")
    up.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)  # other manifests, for tests
    up.add_argument("--module", default=SERVE, help=argparse.SUPPRESS)
    up.add_argument("--notify", type=int, help=argparse.SUPPRESS)
    parts.add_parser("down", help="stop everything")
    for name, text in (("ps", "the functions and their processes"), ("status", "whether it runs")):
        parts.add_parser(name, help=text).add_argument("--json", action="store_true")
    logs = parts.add_parser("logs", help="what the processes wrote")
    logs.add_argument("service", nargs="?", help="a function, or runner or postgres; all when left out")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=50)
    arguments = parser.parse_args()
    try:
        return commands.run(arguments)
    except (LocalError, ConfigError, ManifestError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
