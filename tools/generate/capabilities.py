"""Every capability in the tree, from its decorated function.

What is wrong with one is a GenerateError: a sentence with its file and what to do.
"""

import importlib
from collections import defaultdict
from functools import cache
from pathlib import Path

from shared.runtime.capability import Capability, HttpCapability, capability_of
from tools.generate.declarations import check_declaration, check_routes
from tools.generate.errors import ROOT, GenerateError, shown


@cache
def capabilities() -> tuple[Capability, ...]:
    """All of them, by domain and name. Raises GenerateError."""
    _check_names()
    found = tuple(declared_in(file) for file in function_files())
    check_routes([each for each in found if isinstance(each, HttpCapability)])
    return found


def http_capabilities() -> list[HttpCapability]:
    """Those that answer requests, in the order of their routes: fixed paths before templates. Raises GenerateError."""
    found = [each for each in capabilities() if isinstance(each, HttpCapability)]
    return sorted(found, key=lambda each: (each.route.template.count("{"), each.route.template, each.route.method))


def function_files() -> list[Path]:
    """functions/<domain>/<name>.py of every capability."""
    return sorted(file for file in ROOT.glob("functions/*/*.py") if file.name != "__init__.py")


def declared_in(file: Path) -> Capability:
    """The capability of a file. Raises GenerateError."""
    name = file.stem
    try:
        module = importlib.import_module(f"functions.{file.parent.name}.{name}")
    except Exception as error:
        reason = " ".join(str(error).split())
        raise GenerateError(f"{shown(file)} cannot be imported: {type(error).__name__}: {reason}") from error
    try:
        found = capability_of(getattr(module, name))
    except (AttributeError, LookupError) as error:
        raise GenerateError(
            f"{shown(file)} declares no capability: it needs a function named {name}"
            " with @http_function, @event_function or @ping_function."
        ) from error
    if found.name != name:
        raise GenerateError(f"{shown(file)}: {name} is the function {found.name} of another file: define it here.")
    check_declaration(file, found)
    return found


def _check_names() -> None:
    """A name is the name of a Service, so no two domains share one."""
    files = defaultdict(list)
    for file in function_files():
        files[file.stem].append(shown(file))
    for name, same in files.items():
        if len(same) > 1:
            raise GenerateError(f"Two capabilities are named {name}: {same[0]} and {same[1]}. Rename one.")


def domain_of(name: str) -> str:
    """The folder of a capability."""
    return next(ROOT.glob(f"functions/*/{name}.py")).parent.name
