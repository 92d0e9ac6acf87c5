"""What the documents say is there: their links, their tasks, the files they name. And that they can be read: the width
of lines and cells, and lists that GitHub and the site show alike. `./task docs` builds the site, which checks more."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tools.docs.wrap import WIDTH

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[!.]*/README.md")})


CELL_WIDTH = 120
LINK_TARGET = re.compile(r"\]\([^)]*\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
ITEM = re.compile(r" *([-*+]|\d+\.) ")


def without_code(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    found: set[str] = set()
    for heading in HEADING.findall(without_code(page)):
        words = LINK_TARGET.sub("", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def parametrize_pages(test: Callable[[Path], None]) -> Callable[[Path], None]:
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))(test)


@parametrize_pages
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", without_code(page)) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@parametrize_pages
def test_every_anchor_is_a_heading(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", without_code(page))
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links]
    assert [anchor for target, anchor in targets if target.suffix == ".md" and anchor not in anchors(target)] == []


@parametrize_pages
def test_lines_of_prose_are_narrow(page: Path) -> None:
    lines = [line for line in without_code(page).splitlines() if not line.startswith(("|", "#", "["))]
    assert [line for line in lines if len(line) > WIDTH and " " in line.strip(" -")] == []


@parametrize_pages
def test_a_cell_holds_words_and_no_paragraph(page: Path) -> None:
    rows = [line for line in without_code(page).splitlines() if line.startswith("|")]
    cells = [LINK_TARGET.sub("]", cell.strip()) for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if len(cell) > CELL_WIDTH] == []


@parametrize_pages
def test_a_list_or_table_begins_after_an_empty_line(page: Path) -> None:
    """GitHub also takes one that follows a paragraph at once; MkDocs makes it a part of the paragraph."""
    wrong, in_list = [], False
    lines = re.sub(r"```.*?```", "```", page.read_text(), flags=re.DOTALL).splitlines()
    for before, line in pairwise(["", *lines]):
        begins = (ITEM.match(line) and not in_list) or (line.startswith("|") and not before.startswith("|"))
        if begins and before and not before.startswith("#"):
            wrong.append(line)
        in_list = bool(ITEM.match(line)) or (in_list and bool(line))
    assert wrong == []


@parametrize_pages
def test_every_task_that_is_named_exists(page: Path) -> None:
    tasks = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    known = set(tasks) | {alias for task in tasks.values() for alias in task.get("aliases", [])}
    named = set(re.findall(r"\./task ([a-z][\w:-]*)", page.read_text()))
    assert named - known == set()


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "decisions" / "README.md").read_text()
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [page.name for page in decisions if f"({page.name})" not in listed] == []
    numbers = [page.name[:4] for page in decisions]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_glossary_names_folders_that_exist() -> None:
    entries = re.split(r"^### ", (ROOT / "docs" / "glossary.md").read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) >= 40
    for entry in entries:
        term, _, text = entry.partition("\n")
        text = " ".join(re.split(r"^## ", text, flags=re.MULTILINE)[0].split())
        folders = re.findall(r"`([\w/.]+)`", text.rpartition(" In ")[2])
        assert folders, f"{term}: say at the end in which folder its code is"
        assert [folder for folder in folders if not (ROOT / folder).is_dir()] == [], term
