"""docs/settings.md: every setting of shared/config/declared.py, for people."""

from shared.config import GROUPS
from shared.config.kinds import Setting

HEAD = """# Settings
Every setting is an environment variable; an empty one counts as unset.
A process that starts checks all of them, and says in one sentence which one is wrong.
This page is made from shared/config/declared.py by `./task generate`.
"""
COLUMNS = ("variable", "kind", "unit", "default", "allowed", "what it is")


def settings() -> str:
    return HEAD + "".join(f"\n## {title}\n{_table(group)}" for title, group in GROUPS.items())


def _table(group: tuple[Setting, ...]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(each) for each in group)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(each: Setting) -> tuple[str, ...]:
    unit = getattr(each, "unit", "")  # numbers have one
    return (f"`{each.name}`", each.kind, unit, _shown(each.default), each.allowed, each.doc)


def _shown(text: str) -> str:
    return f"`{text}`" if text else ""
