"""The version, X.Y.Z, which stands in pyproject.toml and nowhere else."""

import re

FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
LINE = re.compile(r'(?m)^version = "([^"]*)"$')


def parsed(version: str) -> tuple[int, int, int] | None:
    """Three numbers that can be compared, or None for what is no X.Y.Z."""
    found = FORM.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def of(pyproject: str) -> str:
    """The version in the text of a pyproject.toml; raises ValueError when there is not exactly one."""
    (version,) = LINE.findall(pyproject)
    return str(version)


def with_version(pyproject: str, version: str) -> str:
    return LINE.sub(f'version = "{version}"', pyproject)
