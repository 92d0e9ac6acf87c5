"""Each table is written by the package that owns it, and by no other code of the product."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.generate.owners import FOLDERS, owners

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "functions", "local", "cli", "deploy", "events", "live")
WRITES = re.compile(
    r"\b(?:insert\s+into|update(?:\s+only)?|delete\s+from(?:\s+only)?|merge\s+into(?:\s+only)?|copy"
    r"|truncate(?:\s+table)?(?:\s+only)?)\s+([\w{}]+(?:\s*,\s*[\w{}]+)*)",
    re.IGNORECASE,
)
UNKNOWN = "{}"  # a name that is put in at run time


def written(source: str) -> Iterator[str]:
    """The tables that the SQL in a Python source writes; UNKNOWN where the name is put in at run time."""
    for text in _strings(ast.parse(source)):
        for names in WRITES.findall(text):
            for name in re.split(r"\s*,\s*", names):
                if UNKNOWN in name:
                    yield UNKNOWN
                elif name.lower() in owners():  # else it is prose, or `for update of`
                    yield name.lower()


def _strings(node: ast.AST) -> Iterator[str]:
    """Every string but docstrings; in f-strings each expression is UNKNOWN."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=str() as text):
                yield text
            case ast.JoinedStr(values=values):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else UNKNOWN for part in values)
                for part in values:
                    if isinstance(part, ast.FormattedValue):
                        yield from _strings(part)
            case _:
                yield from _strings(child)


def writes() -> set[tuple[str, str]]:
    """Every file of the product and each table that it writes."""
    return {
        (file.relative_to(ROOT).as_posix(), table)
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        for table in written(file.read_text())
    }


def allowed(file: str, table: str) -> bool:
    return table != UNKNOWN and file.startswith(f"{FOLDERS[owners()[table]]}/")


def test_each_table_is_written_by_its_owner_only() -> None:
    wrong = {(file, table) for file, table in writes() if not allowed(file, table)}
    assert sorted(wrong) == [], "let the owner write it (docs/schema.md says who that is)"


def test_every_owner_is_known() -> None:
    assert set(owners().values()) == FOLDERS.keys()


@pytest.mark.parametrize(
    ("source", "tables"),
    [
        ("tx.execute('insert into video (id) values (1)')", ["video"]),
        ("tx.execute('INSERT INTO Video\\n  select 1')", ["video"]),
        ("tx.execute('update upload'\n  ' set state = 1')", ["upload"]),
        ("tx.execute('''with a as (delete\n from outbox returning *) insert into topic_record select * from a''')",
         ["outbox", "topic_record"]),
        ("tx.execute('truncate inbox, delivery')", ["inbox", "delivery"]),
        ("tx.execute('merge into node using x on true when matched then delete')", ["node"]),
        ("tx.execute(f'delete from {table} where {x}')", [UNKNOWN]),
        ("tx.execute(f'update video set {x}')", ["video"]),
        ("tx.execute('select 1 from video for update of video')", []),
        ("tx.execute('select 1 from video for update skip locked')", []),
        ("tx.execute('insert into node (id) values (1) on conflict (id) do update set id = 1')", ["node"]),
        ("def f():\n  'Says how to update video rows.'\n  # delete from video\n", []),
    ],
)  # fmt: skip
def test_what_a_source_writes_is_seen(source: str, tables: list[str]) -> None:
    assert list(written(source)) == tables
