"""`python -m tools.release X.Y.Z`"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tools.release.cut import Refused, release

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: ./task release -- X.Y.Z", file=sys.stderr)
        return 2
    try:
        tag = release(ROOT, arguments[0], datetime.now(UTC).date())
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"Tagged {tag}. Nothing was pushed: git push --follow-tags")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
