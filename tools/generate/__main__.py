"""`python -m tools.generate`: writes what has changed, and prints the names of those files."""

import sys

from tools.generate.errors import GenerateError, shown
from tools.generate.files import generated


def main() -> int:
    try:
        files = generated()
    except GenerateError as error:
        print(error, file=sys.stderr)
        return 1
    for file, text in files.items():
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(shown(file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
