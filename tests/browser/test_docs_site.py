"""The documentation as readers see it: a browser draws the built site's diagrams, and asks no other server."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.browser import Browser, QuietHandler

ROOT = Path(__file__).resolve().parents[2]
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [page for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if DIAGRAM.search(page.read_text())]


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site, built anew. (Asks for the browser first: without one, why build?)"""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["architecture/", "flows/"])
def test_diagrams_are_drawn_without_another_server(browser: Browser, site: str, path: str) -> None:
    page = browser.open(site + path)
    try:
        # Material puts a div with the picture in the place of the text, and leaves the text where it cannot be drawn.
        page.wait("document.querySelector('div.mermaid') && !document.querySelector('pre.mermaid')")
        assert page.seen["errors"] == []
        assert [url for url in page.seen["requests"] if not url.startswith((site, "blob:", "data:"))] == []
    finally:
        page.close()


@pytest.mark.parametrize("markdown", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_diagram_can_be_read(browser: Browser, site: str, markdown: Path) -> None:
    page = browser.open(site + "flows/")
    try:
        for diagram in DIAGRAM.findall(markdown.read_text()):
            assert page.value(f"mermaid.parse({json.dumps(diagram)})")["diagramType"]
    finally:
        page.close()


def test_search_finds_a_word_of_the_glossary(browser: Browser, site: str) -> None:
    page = browser.open(site)
    try:
        page.ask("fill", selector=".md-search__input", text="fencing token")
        page.wait("document.querySelector('.md-search-result__item')")
        assert "fenc" in page.text(".md-search-result__list").lower()
    finally:
        page.close()
