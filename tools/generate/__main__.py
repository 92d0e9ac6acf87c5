"""`python -m tools.generate`: writes what has changed, and prints the names of those files."""

import sys
import tempfile
from pathlib import Path

from local import postgres
from shared.db.migrate import migrate
from tools.generate.errors import GenerateError, shown
from tools.generate.files import generated
from tools.generate.schema import FILE, schema


def main() -> int:
    try:
        files = {**generated(), FILE: _schema()}
    except (GenerateError, postgres.LocalError) as error:
        print(error, file=sys.stderr)
        return 1
    for file, text in files.items():
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(shown(file))
    return 0


def _schema() -> str:
    """From a database of its own, which is thrown away."""
    with tempfile.TemporaryDirectory(prefix="wadi-generate-") as folder:
        server = postgres.start(Path(folder), durable=False)
        try:
            migrate(server.url)
            return schema(server.url)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
