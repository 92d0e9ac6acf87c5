"""A MkDocs hook: puts every decision into the navigation, so that a new one is its file and a line in its README."""

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Called by MkDocs once mkdocs.yml is read."""
    decisions = next(section["Decisions"] for section in config.nav if "Decisions" in section)
    docs = Path(config.docs_dir)
    decisions += sorted(str(page.relative_to(docs)) for page in (docs / "decisions").glob("[0-9]*.md"))
    return config
