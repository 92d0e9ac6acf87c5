"""Every setting is declared once, in shared/config.py, and each declared one is used."""

import ast
import re
from pathlib import Path

from shared.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
READERS = {"setting", "integer"}


def code() -> list[Path]:
    return [file for package in ("shared", "functions", "local", "cli") for file in (ROOT / package).rglob("*.py")]


def asked_for() -> dict[str, str]:
    """Names that are given to `setting` and `integer`, and where."""
    return {
        str(node.args[0].value): f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in code()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS
        if node.args and isinstance(node.args[0], ast.Constant)
    }


def test_every_setting_that_is_read_is_declared() -> None:
    assert {name: where for name, where in asked_for().items() if name not in SETTINGS} == {}


def test_every_declared_setting_is_read() -> None:
    text = "\n".join(file.read_text() for file in code() if file != ROOT / "shared" / "config.py")
    assert [name for name in SETTINGS if not re.search(rf"[\"']{name}[\"']", text)] == []


def test_every_setting_is_explained() -> None:
    assert [name for name, declared in SETTINGS.items() if not declared.doc] == []
