"""./task on a small lock, for real: installed once, repaired when it was interrupted, silent on stdout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.setup import install

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs only what ./task itself needs."""
    root = tmp_path / "checkout"
    (root / "local" / "setup").mkdir(parents=True)
    for name in ("task", "local/setup/install.py"):
        shutil.copy(ROOT / name, root / name)
    lock = ROOT / "requirements.lock"
    (root / "requirements.lock").write_text(install._entry(lock, "go-task-bin") + install._entry(lock, "uv"))
    (root / "Taskfile.yml").write_text(
        "version: '3'\nsilent: true\ntasks:\n"
        "  say:\n    vars: {LOCK: requirements.lock}\n    cmd: echo {{.CLI_ARGS}}\n"
        "  fail:\n    vars: {LOCK: requirements.lock}\n    cmd: exit 7\n"
    )
    return root


def task(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "task", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, timeout=240
    )


def test_it_installs_once_and_stdout_is_the_tasks_own(checkout: Path) -> None:
    first = task(checkout, "say", "--", "one  two", "it's")
    assert first.stdout == "one  two it's\n"
    assert "Installing what Wadi needs" in first.stderr
    second = task(checkout, "say", "--", "again")
    assert (second.stdout, second.stderr) == ("again\n", "")
    assert task(checkout, "fail").returncode == 7


@pytest.mark.parametrize(("asked", "run"), [("demo", "demo"), ("up", "up"), ("status", "ps"), ("logs", "logs")])
def test_a_command_of_the_platform_gets_its_arguments_and_gives_its_exit_code(
    checkout: Path, tmp_path: Path, asked: str, run: str
) -> None:
    shutil.copy(ROOT / "Taskfile.yml", checkout / "Taskfile.yml")
    (checkout / "cli").mkdir()
    (checkout / "cli" / "__main__.py").write_text("import os, sys; print([os.getcwd(), *sys.argv[1:]]); sys.exit(5)")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    shutil.copy(checkout / "requirements.lock", checkout / ".venv" / "installed-requirements.lock")
    command = [str(checkout / "task"), asked, "--", "--json", "a  film.mp4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{[str(tmp_path), run, '--json', 'a  film.mp4']}\n"
    assert (done.returncode, done.stderr) == (5, "")


def test_an_interrupted_install_is_made_anew(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    (checkout / ".venv" / ".unfinished").touch()
    (checkout / ".venv" / "bin" / "uv").write_text("half of a program")
    done = task(checkout, "say", "--", "whole")
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr
    assert not (checkout / ".venv" / ".unfinished").exists()
    assert "half of a program" not in (checkout / ".venv" / "bin" / "uv").read_text(errors="replace")


def test_an_environment_made_by_hand_is_completed_and_keeps_what_is_in_it(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    (checkout / ".venv" / "mine").touch()
    done = task(checkout, "say", "--", "complete")
    assert (done.returncode, done.stdout) == (0, "complete\n"), done.stderr
    assert (checkout / ".venv" / "mine").exists()


def test_a_package_that_is_not_the_locked_one_is_refused(checkout: Path) -> None:
    lock = checkout / "requirements.lock"
    others = re.sub("[0-9a-f]{64}", "0" * 64, install._entry(lock, "go-task-bin"))
    lock.write_text(others + install._entry(lock, "uv"))
    done = task(checkout, "say", "--", "forged")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "could not be installed; the lines above say why" in done.stderr
    assert not (checkout / ".venv" / "installed-requirements.lock").exists()


def test_a_checkout_that_cannot_be_written_is_told_in_one_line(checkout: Path) -> None:
    (checkout / ".venv").write_text("in the way")  # root may write anywhere, so a file stands for the read-only disk
    done = task(checkout, "say")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [f"Wadi cannot be installed: {checkout / '.venv'}: File exists."]


def test_without_a_python_it_says_so(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("dirname", "env", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    done = task(checkout, "say", PATH=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert done.stderr.startswith("Wadi needs Python 3.11 to 3.14, and none of them is on PATH")


def test_what_pip_was_told_holds_for_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name[:3] == "UV_" or name in ("SSL_CERT_FILE", "ALL_PROXY")]:
        monkeypatch.delenv(name)
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://from.file/simple\ncert = /file.pem\n[install]\ntrusted-host = a\n b\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_CERT", "/environment.pem")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} /does/not/exist https://links.example/")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "7")
    monkeypatch.setenv("PIP_TIMEOUT", "99")
    told = install._environment()
    assert told["UV_DEFAULT_INDEX"] == "https://from.file/simple"
    assert told["SSL_CERT_FILE"] == "/environment.pem"
    assert told["UV_INSECURE_HOST"] == "a b"
    assert told["UV_FIND_LINKS"] == f"{tmp_path},https://links.example/"
    assert told["UV_HTTP_TIMEOUT"] == "7"
    assert "UV_INDEX" not in told
