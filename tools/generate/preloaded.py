"""local/activator/preloaded.py: what the files of functions/ import at their top, for the process that forks them."""

import ast
import sys
from pathlib import Path

from tools.generate.capabilities import capabilities
from tools.generate.errors import ROOT

FILE = ROOT / "local" / "activator" / "preloaded.py"
HEADER = '''\
"""What functions import at their top. Generated from functions/ by `./task generate`: do not edit."""

'''


def preloaded() -> str:
    capabilities()  # has them import it
    names = {name for file in ROOT.glob("functions/*/*.py") for name in _imported(file)}
    needed = [name for name in sorted(names) if name.partition(".")[0] not in sys.stdlib_module_names]
    lines = "".join(f'    "{name}",\n' for name in needed)
    return f"{HEADER}PRELOADED = (\n{lines})\n"


def _imported(file: Path) -> set[str]:
    names = set()
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names |= {statement.module, *(f"{statement.module}.{alias.name}" for alias in statement.names)}
    return names & sys.modules.keys()  # the others are names within a module
