"""docs/schema.md: the tables of a freshly migrated database, by owner, for people."""

import re
from collections.abc import Iterator

from tools.docs.wrap import wrapped
from tools.generate.catalogue import Column, Constraint, Schema, Table, read
from tools.generate.errors import ROOT, GenerateError
from tools.generate.owners import FOLDERS

FILE = ROOT / "docs" / "schema.md"
HEAD = """# Database schema
This page is made by `./task generate` from the catalogue of a freshly migrated PostgreSQL.
The migrations are in `shared/db/migrations`. They only add: one that was released is never changed.

Each table has one owner, the only package that writes it; any package may read it. A test checks the code for that.
"""


def schema(url: str) -> str:
    """The page for the database at `url`. Raises GenerateError for a table whose comment does not name its owner."""
    found = read(url)
    groups = {owner: [table for table in found.tables if _owner(table) == owner] for owner in FOLDERS}
    return wrapped("\n".join([HEAD + _overview(groups), _diagram(found), *_groups(groups), *_functions(found)]))


def _owner(table: Table) -> str:
    owner, colon, _ = table.comment.partition(": ")
    if not colon or owner not in FOLDERS:
        raise GenerateError(
            f"The comment of the {table.kind} {table.name} must begin with its owner and a colon: "
            f"one of {', '.join(FOLDERS)} (tools/generate/owners.py)."
        )
    return owner


def _overview(groups: dict[str, list[Table]]) -> str:
    return "\n" + "".join(
        f"- [{owner}](#owner-{owner}), in `{FOLDERS[owner]}`: {', '.join(_link(table.name) for table in tables)}\n"
        for owner, tables in groups.items()
    )


def _diagram(found: Schema) -> str:
    """Who refers to whom by a foreign key; tables without one are left out."""
    lines = [
        f"    {one.target} {_cardinality(table, one)} {table.name} : {'_'.join(one.columns)}"
        for table in found.tables
        for one in table.constraints
        if one.target
    ]
    return "## Foreign keys\n```mermaid\nerDiagram\n" + "\n".join(lines) + "\n```\n"


def _cardinality(table: Table, reference: Constraint) -> str:
    nullable = {column.name for column in table.columns if column.nullable} & set(reference.columns)
    keys = [set(one.columns) for one in table.constraints if one.kind in ("p", "u")]
    return f"{'|o' if nullable else '||'}--{'o|' if set(reference.columns) in keys else 'o{'}"


def _groups(groups: dict[str, list[Table]]) -> Iterator[str]:
    for owner, tables in groups.items():
        yield f"## Owner: {owner}\nWritten by `{FOLDERS[owner]}`.\n"
        for table in tables:
            yield _table(table)


def _table(table: Table) -> str:
    kind = "A sequence. " if table.kind == "sequence" else ""
    about = kind + table.comment.partition(": ")[2]
    columns = "".join(_column(column) for column in table.columns)
    head = "\n| column | type | null | default | meaning |\n|---|---|---|---|---|\n" if columns else ""
    notes = "".join(f"- {note}\n" for note in _notes(table))
    return f"### {table.name}\n{about}\n{head}{columns}" + (f"\n{notes}" if notes else "")


def _column(column: Column) -> str:
    kind = column.type.replace("timestamp with time zone", "timestamptz")
    default = f"`{_plain(column.default)}`" if column.default is not None else ""
    cells = (f"`{column.name}`", kind, "yes" if column.nullable else "", default, column.comment)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def _notes(table: Table) -> Iterator[str]:
    for one in table.constraints:
        reference = re.fullmatch(r"FOREIGN KEY \((.+?)\) REFERENCES (\w+)\((.+?)\)(.*)", one.definition)
        if reference:
            names, target, keys, rest = reference.groups()
            yield f"foreign key: `{names}` → {_link(target)} `{keys}`{rest.lower().replace(' on', ', on')}"
        elif one.kind == "c":
            yield f"check: `{_plain(one.definition.removeprefix('CHECK (').removesuffix(')'))}`"
        else:
            yield f"{'primary key' if one.kind == 'p' else 'unique'}: `{', '.join(one.columns)}`"
    for index in table.indexes:
        unique = "unique " if index.definition.startswith("CREATE UNIQUE") else ""
        what = index.definition.partition(" USING ")[2].removeprefix("btree ")
        yield f"{unique}index {index.name}: `{_plain(what)}`{f'. {index.comment}' if index.comment else ''}"
    for trigger in table.triggers:
        what = re.sub(r"^CREATE (CONSTRAINT )?TRIGGER \w+ | EXECUTE FUNCTION .*$", "", trigger.definition)
        yield f"trigger {trigger.name}: `{what}` runs [{trigger.function}](#trigger-functions)"


def _functions(found: Schema) -> Iterator[str]:
    yield "## Trigger functions\n"
    for function in found.functions:
        yield f"- `{function.name}`: {function.comment}"
    yield ""


def _link(table: str) -> str:
    return f"[{table}](#{table})"


def _plain(sql: str) -> str:
    """As a person writes it: PostgreSQL names the type of every constant."""
    sql = re.sub(r"(?<=['\d])::[a-z]+( precision| with time zone)?(\[\])?", "", sql)
    return re.sub(r"= ANY \(ARRAY\[(.*?)\]\)", r"in (\1)", sql)
