"""Which Wadi this is. The version has one owner, pyproject.toml, which the images have beside the code too."""

import tomllib

from cli.paths import ROOT


def version() -> str:
    """The version, such as "1.2.3"; raises OSError where the code was copied without its pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
