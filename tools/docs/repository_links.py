"""A MkDocs hook: makes links to files of the repository work in the site as they do in the repository.

Pages link to a file outside docs/ by a relative path, which is right in a checkout and on GitHub. The site does not
have that file, so here the link becomes one to the repository's web pages (`repo_url`). Where no `repo_url` is known,
as in a local build, the words of the link stay and the link goes. A path that does not exist is a warning, an error
with --strict.
"""

import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]*)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)

log = logging.getLogger("mkdocs.hooks.repository_links")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Called by MkDocs with the text of each page; returns the text that is rendered."""
    folder = (DOCS / page.file.src_uri).parent
    parts = FENCE.split(markdown)
    return "".join(
        part if part.startswith("```") else rewrite(part, folder, config.repo_url or "", page.file.src_uri)
        for part in parts
    )


def rewrite(markdown: str, folder: Path, repo_url: str, page: str) -> str:
    """The text with its links out of docs/ rewritten; `folder` is what they are relative to."""

    def link(match: re.Match[str]) -> str:
        target = (folder / match["path"]).resolve()
        if target.is_relative_to(DOCS) and not target.is_dir():
            return match[0]
        if not target.exists() or not target.is_relative_to(ROOT):
            log.warning("%s links to %s, which does not exist.", page, match["path"])
            return match[0]
        if not repo_url:
            return match["label"]
        kind = "tree" if target.is_dir() else "blob"
        path = f"{target.relative_to(ROOT)}{match['anchor'] or ''}"
        return f"[{match['label']}]({repo_url.rstrip('/')}/{kind}/main/{path})"

    return LINK.sub(link, markdown)
