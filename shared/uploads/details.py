"""Checks what a client says about a file: name, title, description, tags, visibility, size."""

import re
from pathlib import PureWindowsPath
from typing import NamedTuple

from shared.config import integer
from shared.errors import Problem
from shared.videos.state import Visibility

MAX_NAME = 255
MAX_TITLE = 200
MAX_DESCRIPTION = 5000
MAX_TAGS = 20
MAX_TAG = 50

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Details(NamedTuple):
    name: str
    title: str
    description: str
    tags: list[str]
    visibility: str


def check_details(name: str, title: str | None, description: str, tags: list[str], visibility: str) -> Details:
    """Raises Problem invalid-request that names every field at fault. The title is the file's name by default."""
    name = PureWindowsPath(name.strip()).name  # some browsers send the whole path; it takes both kinds of slashes
    title = (title or "").strip() or PureWindowsPath(name).stem[:MAX_TITLE]
    tags = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    errors = [
        {"field": field, "message": message}
        for field, message in (
            ("name", _name_fault(name)),
            ("title", _text_fault(title, MAX_TITLE)),
            ("description", _text_fault(description, MAX_DESCRIPTION, _CONTROL_BUT_LINES)),
            ("tags", _tags_fault(tags)),
            ("visibility", None if visibility in tuple(Visibility) else "Give public or private."),
        )
        if message
    ]
    if errors:
        detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
        raise Problem("invalid-request", detail, errors=errors)
    return Details(name, title, description.strip(), tags, visibility)


def check_size(size: int) -> int:
    """Raises Problem invalid-request or too-large."""
    if size <= 0:
        raise Problem(
            "invalid-request",
            "The file is empty.",
            errors=[{"field": "size", "message": "Give the file's size in bytes, at least 1."}],
        )
    largest = integer("MAX_UPLOAD_BYTES")
    if size > largest:
        raise Problem("too-large", f"The file may have {largest} bytes ({_human(largest)}) at most; it has {size}.")
    return size


def _name_fault(name: str) -> str | None:
    if name in ("", ".", ".."):
        return "Give the file's name."
    return _text_fault(name, MAX_NAME)


def _text_fault(text: str, longest: int, forbidden: re.Pattern[str] = _CONTROL) -> str | None:
    if len(text) > longest:
        return f"At most {longest} characters are allowed; there are {len(text)}."
    if forbidden.search(text):
        return "Control characters are not allowed."
    return None


def _tags_fault(tags: list[str]) -> str | None:
    if len(tags) > MAX_TAGS:
        return f"At most {MAX_TAGS} tags are allowed; there are {len(tags)}."
    return next((fault for tag in tags if (fault := _text_fault(tag, MAX_TAG))), None)


def _human(size: int) -> str:
    value = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"
