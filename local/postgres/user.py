"""As whom PostgreSQL runs: it refuses to run as root, and no user account is made for it.

An ordinary user runs it as is. Root runs it in a user namespace, where root's own files belong to "nobody"; where the
kernel refuses that (most containers), it runs as the real uid 65534, which then owns the directory. A directory below
one that is closed to others (/root) is reached with the one capability that passes such doors. A uid without an
account (`docker run --user 1234`) takes the namespace too, since initdb insists on a user's name.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534
NAMESPACE = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"]
PASSING = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]


class LocalError(Exception):
    """Something on this machine is in the way; the message is one line for the person in front of it."""


def run_as(home: Path, programs: Path) -> list[str]:
    """What to put before a command of PostgreSQL's so that it may run and use `home`. Raises LocalError."""
    for prefix in _ways(home):
        if _works(prefix, home, programs):
            return prefix
    raise LocalError(
        f"PostgreSQL can be run here neither as uid {os.geteuid()} nor in a user namespace, with its data in {home}: "
        "run Wadi as an ordinary user who has an account, or set DATABASE_URL."
    )


def _ways(home: Path) -> Iterator[list[str]]:
    """Prefixes to try, the plainest first."""
    owner = home.stat().st_uid
    if os.geteuid() != 0:
        if owner != os.geteuid():
            raise LocalError(f"{home} belongs to another user (uid {owner}): start Wadi as that one, or set WADI_DATA.")
        if _has_account(owner):
            yield []
        yield NAMESPACE
        return
    if owner == 0:
        yield NAMESPACE
        _give_away(home)  # reached only when the namespace was refused
        owner = NOBODY
    dropped = ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups"]
    if _has_account(owner):
        yield [*dropped, "--"]
        yield [*dropped, *PASSING, "--"]
    yield [*dropped, "--", *NAMESPACE]


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _works(prefix: list[str], home: Path, programs: Path) -> bool:
    if prefix and shutil.which(prefix[0]) is None:
        return False
    trial = 'test -w "$1" && cd "$1" && exec "$2" --version'
    command = [*prefix, "sh", "-c", trial, "sh", str(home), str(programs / "postgres")]
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def _give_away(home: Path) -> None:
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
