"""docs/settings.md: every setting of shared/config.py, for people."""

from shared.config import SETTINGS

HEAD = """# Settings
Every setting is an environment variable; an empty one counts as unset.
This page is made from shared/config.py by `./task generate`.

| variable | default | what it is |
|---|---|---|
"""


def settings() -> str:
    rows = (f"| `{name}` | {_shown(known.default)} | {known.doc} |\n" for name, known in SETTINGS.items())
    return HEAD + "".join(rows)


def _shown(default: str) -> str:
    return f"`{default}`" if default else ""
