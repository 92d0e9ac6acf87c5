"""Which ffmpeg decodes: never one that is older than the libav that probes."""

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from shared.media.errors import EncodeError
from shared.media.sandbox.ffmpeg import DECODERS, LIBRARY, NEEDED, ffmpeg_path
from tests.media.clips import generator

OLD = {"libavcodec": (59, 37), "libavformat": (59, 27), "libavfilter": (8, 44)}  # ffmpeg 5.1


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("WADI_FFMPEG", raising=False)
    ffmpeg_path.cache_clear()
    yield
    ffmpeg_path.cache_clear()


def fake(path: Path, versions: dict[str, tuple[int, int]], otherwise: str = 'exec {real} "$@"') -> str:
    """A program that says these versions, and is the real ffmpeg in all else."""
    lines = "".join(
        f"{name:14} {major:2}.{minor:3}.100 / {major:2}.{minor:3}.100\n" for name, (major, minor) in versions.items()
    )
    text = f"ffmpeg version fake\n{lines}"
    rest = otherwise.format(real=generator())
    path.write_text(f"#!/bin/sh\ncase \"$*\" in *-version*) cat <<'END'\n{text}END\n;; *) {rest};; esac\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def on_the_path(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


def test_what_is_needed_is_what_probes() -> None:
    """Fails when PyAV was upgraded: then ffmpeg has to be as new, and NEEDED has to say so."""
    assert {name: av.library_versions[name][:2] for name in NEEDED} == NEEDED
    assert {name for name in DECODERS if name not in av.codecs_available} == set()


def test_the_ffmpeg_of_the_wheel_is_new_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg_path() == generator()
    said = subprocess.run([generator(), "-version"], capture_output=True, text=True, check=True).stdout
    found = {name: (int(major), int(minor)) for name, major, minor in LIBRARY.findall(said)}
    assert all(found[name] >= needed for name, needed in NEEDED.items())


def test_a_system_ffmpeg_as_new_as_what_probes_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    system = fake(tmp_path / "ffmpeg", NEEDED)
    on_the_path(monkeypatch, tmp_path)
    assert ffmpeg_path() == system


@pytest.mark.parametrize("name", NEEDED)
def test_a_system_ffmpeg_with_one_older_library_is_passed_over(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    major, minor = NEEDED[name]
    fake(tmp_path / "ffmpeg", {**NEEDED, name: (major, minor - 1)})
    on_the_path(monkeypatch, tmp_path)
    assert ffmpeg_path() == generator()


@pytest.mark.parametrize(
    "otherwise",
    [
        "echo 'Unrecognized option fps_mode' >&2; exit 1",
        # as some distributions build it: without an encoder of H.264, or without a decoder of AV1
        'case "$*" in *libx264*) exit 1;; *) exec {real} "$@";; esac',
        '{real} "$@" | grep -v libdav1d',
    ],
)
def test_a_system_ffmpeg_that_lacks_what_is_needed_is_passed_over(
    otherwise: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake(tmp_path / "ffmpeg", NEEDED, otherwise)
    on_the_path(monkeypatch, tmp_path)
    assert ffmpeg_path() == generator()


def test_a_named_ffmpeg_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = fake(tmp_path / "old", OLD)
    monkeypatch.setenv("WADI_FFMPEG", named)
    needed = ".".join(map(str, NEEDED["libavcodec"]))
    says = f"WADI_FFMPEG names {named}, which has libavcodec 59.37, older than {needed}, "
    with pytest.raises(EncodeError, match=re.escape(says)) as refused:
        ffmpeg_path()
    assert "name a newer ffmpeg, or unset WADI_FFMPEG" in str(refused.value)


def test_a_named_program_that_is_no_ffmpeg_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WADI_FFMPEG", "/bin/true")
    with pytest.raises(EncodeError, match="WADI_FFMPEG names /bin/true, which has no `ffmpeg -version`"):
        ffmpeg_path()


def test_a_named_ffmpeg_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = fake(tmp_path / "named", NEEDED)
    monkeypatch.setenv("WADI_FFMPEG", named)
    assert ffmpeg_path() == named
