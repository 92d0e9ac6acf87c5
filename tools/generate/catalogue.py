"""The schema of a database as PostgreSQL's catalogue has it: the same text and order with every version from 15 on."""

from contextlib import closing
from typing import Any, NamedTuple

import psycopg2


class Column(NamedTuple):
    name: str
    type: str
    nullable: bool
    default: str | None
    comment: str


class Constraint(NamedTuple):
    """`kind` is pg_constraint's: p primary key, u unique, c check, f foreign key to `target`."""

    kind: str
    definition: str
    columns: list[str]
    target: str | None


class Index(NamedTuple):
    """One that belongs to no constraint."""

    name: str
    definition: str
    comment: str


class Trigger(NamedTuple):
    name: str
    definition: str
    function: str


class Table(NamedTuple):
    """A table, or a sequence that belongs to no column."""

    name: str
    kind: str
    comment: str
    columns: list[Column]
    constraints: list[Constraint]
    indexes: list[Index]
    triggers: list[Trigger]


class Function(NamedTuple):
    name: str
    comment: str


class Schema(NamedTuple):
    tables: list[Table]
    functions: list[Function]


# In the order of their creation, so that a table comes after those that it refers to.
_TABLES = """
    select oid, relname, case relkind when 'S' then 'sequence' else 'table' end, coalesce(obj_description(oid), '')
    from pg_class c where relnamespace = 'public'::regnamespace and (relkind = 'r' or relkind = 'S' and not exists (
        select 1 from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype in ('a', 'i')
    )) order by oid
"""
_COLUMNS = """
    select attname, format_type(atttypid, atttypmod), not attnotnull,
        case when attidentity = 'a' then 'generated as identity' else pg_get_expr(adbin, adrelid) end,
        coalesce(col_description(attrelid, attnum), '')
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = %s and attnum > 0 and not attisdropped order by attnum
"""
# PostgreSQL 18 keeps `not null` there too, as kind n.
_CONSTRAINTS = """
    select contype, pg_get_constraintdef(c.oid, true),
        array(select attname::text from unnest(conkey) with ordinality as key (number, nth)
              join pg_attribute on attrelid = conrelid and attnum = number order by nth), t.relname
    from pg_constraint c left join pg_class t on t.oid = confrelid
    where conrelid = %s and contype in ('p', 'u', 'c', 'f')
    order by array_position('{p,u,f,c}', contype::text), conname collate "C"
"""
_INDEXES = """
    select relname, pg_get_indexdef(indexrelid, 0, true), coalesce(obj_description(indexrelid), '')
    from pg_index join pg_class c on c.oid = indexrelid
    where indrelid = %s and not exists (select 1 from pg_constraint where conindid = indexrelid and contype <> 'f')
    order by relname collate "C"
"""
_TRIGGERS = """
    select tgname, pg_get_triggerdef(t.oid, true), proname from pg_trigger t join pg_proc p on p.oid = tgfoid
    where tgrelid = %s and not tgisinternal order by tgname collate "C"
"""
_FUNCTIONS = """
    select proname, coalesce(obj_description(oid), '') from pg_proc
    where pronamespace = 'public'::regnamespace order by proname collate "C"
"""


def read(url: str) -> Schema:
    """The tables and functions of the schema `public` of the database at `url`."""
    with closing(psycopg2.connect(url)) as db, db.cursor() as at:

        def rows(sql: str, table: int | None = None) -> list[tuple[Any, ...]]:
            at.execute(sql, None if table is None else (table,))
            return at.fetchall()

        tables = [
            Table(
                name,
                kind,
                comment,
                [Column(*row) for row in rows(_COLUMNS, oid)] if kind == "table" else [],
                [Constraint(*row) for row in rows(_CONSTRAINTS, oid)],
                [Index(*row) for row in rows(_INDEXES, oid)],
                [Trigger(*row) for row in rows(_TRIGGERS, oid)],
            )
            for oid, name, kind, comment in rows(_TABLES)
        ]
        return Schema(tables, [Function(*row) for row in rows(_FUNCTIONS)])
