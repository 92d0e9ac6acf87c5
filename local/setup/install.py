"""Makes .venv from a lock file: `python3 local/setup/install.py requirements.lock`, called by ./task.

Runs on the bare Python of the system, so only the standard library is imported. Everything that is said goes to
stderr. An install that was interrupted has left its mark and is made anew; one that somebody made by hand is completed.
"""

import configparser
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"


class InstallError(Exception):
    """The message is what the person in front of it should read."""


def main() -> int:
    lock = ROOT / sys.argv[1]
    try:
        with _locked():
            if not _is_installed(lock):
                began = time.monotonic()
                print(f"Installing what Wadi needs into {VENV} (once) …", file=sys.stderr)
                _install(lock)
                print(f"Installed in {time.monotonic() - began:.0f} s.", file=sys.stderr)
    except OSError as error:
        print(f"Wadi cannot be installed: {error.filename or VENV}: {error.strerror}.", file=sys.stderr)
        return 1
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the next ./task installs it anew.", file=sys.stderr)
        return 130
    return 0


def _is_installed(lock: Path) -> bool:
    stamp = _stamp(lock)
    return PYTHON.exists() and stamp.exists() and stamp.read_bytes() == lock.read_bytes()


def _stamp(lock: Path) -> Path:
    return VENV / f"installed-{lock.name}"


def _install(lock: Path) -> None:
    if UNFINISHED.exists() or not _runs([str(PYTHON), "-c", ""]):
        shutil.rmtree(VENV, ignore_errors=True)
        VENV.mkdir()
    UNFINISHED.touch()
    for stamp in VENV.glob("installed-*"):  # each lock holds other versions after an update
        stamp.unlink()
    if not _runs([str(PYTHON), "-c", ""]):
        _make_environment()
    uv = _find_uv(lock)
    wanted = ["install", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    settings = _environment()
    # Compiled, as pip does it: under PYTHONDONTWRITEBYTECODE, as in many containers, each process would do it again.
    uv_wanted = ["pip", *wanted, "--python", str(PYTHON), "--compile-bytecode", "--quiet"]
    done = uv is not None and _runs([uv, *uv_wanted], settings)
    if not done and not _runs([str(PYTHON), "-m", "pip", "--quiet", *wanted], settings, shown=True):
        raise InstallError("The packages that Wadi needs could not be installed; the lines above say why.")
    shutil.copyfile(lock, _stamp(lock))
    if lock.name == "requirements-dev.lock":  # it holds all of the other
        shutil.copyfile(ROOT / "requirements.lock", _stamp(ROOT / "requirements.lock"))
    UNFINISHED.unlink()


def _make_environment() -> None:
    """An environment, with pip in it where the system's Python can give one."""
    ways = [
        [sys.executable, "-m", "venv", str(VENV)],
        [sys.executable, "-m", "virtualenv", str(VENV)],
        ["virtualenv", "--python", sys.executable, str(VENV)],
        [sys.executable, "-m", "venv", "--without-pip", str(VENV)],  # Debian without python3-venv
        ["uv", "venv", "--allow-existing", "--quiet", "--python", sys.executable, str(VENV)],
    ]
    for way in ways:
        if _runs(way) and _runs([str(PYTHON), "-c", ""]):
            return
        _refuse_full_disk()
    raise InstallError(f"{sys.executable} can make no virtual environment: install the package python3-venv.")


def _find_uv(lock: Path) -> str | None:
    """uv, which installs several times faster than pip: one that is there, or the one that the lock names."""
    inside = VENV / "bin" / "uv"
    if inside.exists():
        return str(inside)
    pips = [
        [str(PYTHON), "-m", "pip"],
        [sys.executable, "-m", "pip", "--python", str(PYTHON)],
        ["pip3", "--python", str(PYTHON)],
    ]
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.lock"
        only_uv.write_text(_entry(lock, "uv"))
        wanted = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(only_uv)]
        for pip in pips:
            if _runs([*pip, "--version"]) and _runs([*pip, *wanted], shown=True):
                return str(inside)
        if found := shutil.which("uv"):
            return found
        if _runs([*pips[0], "--version"]):
            return None
        pip_file = _debians_pip(Path(folder))
        if pip_file and _runs([sys.executable, pip_file, "--python", str(PYTHON), *wanted], shown=True):
            return str(inside)
    raise InstallError(f"{sys.executable} comes without pip, and neither uv nor pip is on PATH: install python3-venv.")


def _debians_pip(folder: Path) -> str | None:
    """pip as one file, where Debian's bare python3 has neither pip nor ensurepip: fetched by apt, not installed.

    apt is given lists and a cache of its own, so that it needs no root and the machine stays as it is.
    """
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    if not _runs([*apt, "update"]) or not _runs([*apt, "download", "python3-pip-whl"], folder=folder):
        return None
    for package in folder.glob("python3-pip-whl*.deb"):
        _runs(["dpkg", "-x", str(package), str(folder / "unpacked")])
    wheels = sorted((folder / "unpacked").rglob("pip-*.whl"))
    return str(wheels[-1] / "pip") if wheels else None


def _entry(lock: Path, name: str) -> str:
    """The lines of one package in the lock: its version and hashes."""
    found = re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock.read_text(), re.MULTILINE)
    if found is None:
        raise InstallError(f"{lock.name} does not name {name}.")
    return found[0]


def _environment() -> dict[str, str]:
    """The environment for uv: what the person has told pip about mirrors, certificates and proxies holds for it too."""
    told = _pip_settings()
    find_links = [place for place in told.get("find-links", "").split() if "://" in place or Path(place).is_dir()]
    translated = {
        "UV_DEFAULT_INDEX": told.get("index-url", ""),
        "UV_INDEX": " ".join(told.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(find_links),
        "UV_INSECURE_HOST": " ".join(told.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": told.get("timeout", told.get("default-timeout", "")),
        "UV_NO_INDEX": "1" if told.get("no-index", "") in ("1", "true", "yes", "on") else "",
        "SSL_CERT_FILE": told.get("cert", ""),
        "SSL_CLIENT_CERT": told.get("client-cert", ""),
        "ALL_PROXY": told.get("proxy", ""),
    }
    added = {name: value for name, value in translated.items() if value and name not in os.environ}
    return {**os.environ, **added, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}


def _pip_settings() -> dict[str, str]:
    """What pip would use for `pip install`: its files, then the environment, the later the stronger.

    Read here, since where uv is all there is, no pip can be asked.
    """
    home = Path.home()
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"), home / ".pip" / "pip.conf", own / "pip" / "pip.conf"]
    named = os.environ.get("PIP_CONFIG_FILE", "")
    config = configparser.RawConfigParser()
    try:
        config.read([] if named == os.devnull else [*files, *([named] if named else [])])
    except (configparser.Error, UnicodeDecodeError):
        print("pip's configuration cannot be read; it is not used.", file=sys.stderr)
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        settings |= (
            {name.replace("_", "-"): value for name, value in config[section].items()} if section in config else {}
        )
    environment = {name[4:].lower().replace("_", "-"): os.environ[name] for name in os.environ if name[:4] == "PIP_"}
    return settings | environment


def _runs(
    command: list[str], environment: dict[str, str] | None = None, *, shown: bool = False, folder: Path = ROOT
) -> bool:
    """Whether the command ran well; what a failed one says is shown when it matters."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=folder, close_fds=False
        )
    except OSError:
        return False
    said = done.stdout + done.stderr
    if "No space left on device" in said:
        raise InstallError(f"Wadi cannot be installed: no space left on the disk of {VENV}, /tmp or the cache.")
    if done.returncode != 0 and shown:
        print(said.rstrip(), file=sys.stderr)
    return done.returncode == 0


def _refuse_full_disk() -> None:
    """`venv` ends without a word when the disk is full."""
    if shutil.disk_usage(VENV).free < 2**20:
        raise InstallError(f"Wadi cannot be installed: no space left on the disk of {VENV}.")


@contextmanager
def _locked() -> Iterator[None]:
    """One at a time: a second ./task waits, then finds everything installed.

    Children inherit the lock: when this program is killed, its pip goes on writing, and the next one must wait for it.
    """
    handle = os.open(ROOT, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    sys.exit(main())
