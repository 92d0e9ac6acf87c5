"""`./task cluster:up`, `cluster:down` and `cluster:status`."""

import argparse
import sys
from pathlib import Path
from shlex import quote

from tools.backends.cache import BackendError
from tools.cluster import down
from tools.cluster.plane import Refused
from tools.cluster.up import FOLDER, alone, parts, up


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.cluster", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of all that it has; default: .cluster")
    chosen = parser.parse_args()
    folder = chosen.folder.absolute()
    try:
        if chosen.command == "status":
            return status(folder)
        if chosen.command == "down":
            with alone(folder, say):
                down.end(folder)
            return 0
        env = up(folder, say)
        for name in ("KUBECONFIG", "GATEWAY_URL"):
            print(f"export {name}={quote(env[name])}")
        say(f"Next: ./task deploy -- --overlay {env['OVERLAY']}")
    except (BackendError, Refused) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename or folder}: {error.strerror}.")
        return 1
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    return 0


def status(folder: Path) -> int:
    """0 when all of it runs."""
    found = parts(folder)
    for name, runs in found.items():
        print(f"{name:<26}{'runs' if runs else 'does not run'}")
    return 0 if all(found.values()) else 1


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
