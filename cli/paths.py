"""Where things are: the server, the checkout, the data directory, the user's own files."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from cli.errors import CliError, Unreachable
from cli.exits import Exit

ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """Where the local platform keeps everything. Unset, it is .data under the checkout, wherever the user stands."""
    value = os.environ.get("WADI_DATA")
    return Path(value).expanduser().absolute() if value else ROOT / ".data"


def credentials_file() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config") / "wadi" / "credentials.json"


def uploads_dir() -> Path:
    """SavedUploads on uploads that are not complete yet, so that they can be taken up again."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "wadi" / "uploads"


def cache_dir() -> Path:
    return _xdg("XDG_CACHE_HOME", ".cache") / "wadi"


def _xdg(variable: str, default: str) -> Path:
    # The XDG specification says to ignore a relative path here.
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / default


def server_url(given: str | None) -> str:
    """The platform's address: --server, else WADI_URL, else the platform on this machine, which may be down."""
    url = given_url(given) or running_url() or _default_url()
    if "://" not in url:
        url = f"http://{url}"
    url = url.rstrip("/")
    if not _is_address(url):
        raise CliError(f"{url!r} is not the address of a server.", Exit.USAGE, hint="Give one like http://host:8080.")
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        return False


def _default_url() -> str:
    port = os.environ.get("WADI_PORT") or "8080"
    if port == "0":  # any free port: only the running platform knows which
        raise Unreachable("The platform is not running on this machine.", hint="Start it with: wadi up")
    return f"http://127.0.0.1:{port}"


def given_url(given: str | None) -> str | None:
    return given or os.environ.get("WADI_URL") or None


def running_url() -> str | None:
    """Where the platform on this machine says it is; None while it does not run."""
    from local.home import Home

    url = Home(data_dir()).state().get("local_url")
    return str(url) if url else None


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("127.0.0.1", "localhost", "::1")
