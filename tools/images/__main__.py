"""python -m tools.images: makes the images, or finds them made, and says where they are."""

import argparse
import sys
from pathlib import Path

from tools.images import ImageError, build
from tools.images.archive import compressed_size

FOLDER = Path(__file__).resolve().parents[2] / ".cluster" / "images"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./task images --", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="begin with today's packages of Debian")
    parser.add_argument("--sizes", action="store_true", help="also say how large they are, compressed as in a registry")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the archives; default: .cluster/images")
    arguments = parser.parse_args()
    try:
        made = build(arguments.folder, fresh=arguments.fresh)
    except ImageError as error:
        print(error, file=sys.stderr)
        return 1
    for image in made.values():
        line = f"{image.reference}  {image.archive}"
        if arguments.sizes:
            line += f"  {compressed_size(image.archive) / 1e6:.0f} MB compressed"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
