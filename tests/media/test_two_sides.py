"""The parent's side of the sandbox and the child's are apart: a function's process never loads a decoder."""

import ast
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MEDIA = REPOSITORY / "shared" / "media"
CHILD_SIDE = {
    "shared.media.child",
    "shared.media.probe",
    *(f"shared.media.reading.{module}" for module in ("pictures", "shape", "write")),
    "shared.media.subtitles.cues",
    *(f"shared.media.audio.{module}" for module in ("decode", "resample", "track")),
    *(
        f"shared.media.pictures.{module}"
        for module in ("sprites", "film", "packets", "scaled", "orientation", "jpeg", "sheets")
    ),
}


def modules() -> dict[str, set[str]]:
    """Each module of shared.media, and what it imports, also inside of functions."""
    found = {}
    for path in MEDIA.rglob("*.py"):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
        found[name] = imported
    return found


def is_child_side(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in CHILD_SIDE)


def test_only_the_child_side_imports_pyav() -> None:
    users = {name for name, imported in modules().items() if any(each.split(".")[0] == "av" for each in imported)}
    assert users, "the search finds those who do"
    assert {name for name in users if not is_child_side(name)} == set()


def test_the_parent_side_does_not_import_the_child_side() -> None:
    crossings = {
        (name, each)
        for name, imported in modules().items()
        for each in imported
        if not is_child_side(name) and is_child_side(each)
    }
    assert crossings == set()


def test_the_child_side_starts_no_processes() -> None:
    """It is inside the sandbox already: of `sandbox` it may use only what a demuxer may open."""
    used = {each for name, imported in modules().items() if is_child_side(name) for each in imported}
    assert {each for each in used if each.startswith("shared.media.sandbox")} == {"shared.media.sandbox.input"}


def test_nothing_outside_the_library_is_imported() -> None:
    ours = {each for imported in modules().values() for each in imported if each.startswith("shared")}
    assert {each for each in ours if not each.startswith("shared.media")} == set()


def test_what_functions_import_loads_no_decoder() -> None:
    entry_points = "planning.plan", "encode.segment", "audio.encode", "pictures.thumbnails", "manifests"
    imports = "\n".join(f"import shared.media.{name}" for name in entry_points)
    code = f"{imports}\nimport sys\nprint(sorted(name for name in sys.modules if name.split('.')[0] == 'av'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]"
