"""The player's copy of hls.js is the one that npm has."""

import hashlib
import json
from base64 import b64encode

import pytest

from local.gateway.player import FILES
from tests.browser.browser import HERE, MODULES, Browser

NAME = "hls-{version}.min.mjs"


def test_the_engine_takes_the_copy_of_the_locked_version() -> None:
    version = locked()["version"]
    assert [path.name for path in (FILES / "vendor").glob("*.mjs")] == [NAME.format(version=version)]
    assert f'from "./vendor/{NAME.format(version=version)}"' in (FILES / "engine.js").read_text()


def test_the_lock_has_hashes_and_no_addresses() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert len(packages) > 3
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


@pytest.mark.parametrize(("ours", "theirs"), [(NAME, "dist/hls.min.mjs"), ("hls.js-LICENSE", "LICENSE")])
def test_it_is_byte_for_byte_that_of_the_package(browser: Browser, ours: str, theirs: str) -> None:
    copy = FILES / "vendor" / ours.format(version=locked()["version"])
    assert hashed(copy.read_bytes()) == hashed((MODULES / "hls.js" / theirs).read_bytes())


def locked() -> dict[str, str]:
    found: dict[str, str] = json.loads((HERE / "package-lock.json").read_text())["packages"]["node_modules/hls.js"]
    return found


def hashed(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()
