"""`python -m shared.db migrate|status`: brings DATABASE_URL up to date or tells how it is, without the command line."""

import sys

from shared.config import ConfigError
from shared.db.migrate import migrate, status
from shared.db.pool import database_url


def main() -> int:
    try:
        match sys.argv[1:]:
            case ["migrate"]:
                for name in migrate(database_url()):
                    print(name)
                return 0
            case ["status"]:
                found = status(database_url())
                for one in found:
                    print(one.state, one.name)
                return int(any(one.state != "applied" for one in found))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print("usage: python -m shared.db migrate|status", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
