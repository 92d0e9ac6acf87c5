"""Runs while images are built: copies what running needs of Debian's packages into an empty folder.

    python3.11 rootfs.py FOLDER PACKAGE...

What a package is, and under what terms, goes along: its copyright, and its entry under /var/lib/dpkg/status.d, where
scanners and our own SBOM look for what an image without dpkg has in it.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
from pathlib import Path

MERGED = ("bin", "sbin", "lib", "lib64")  # into /usr, as in every Debian since 12
LEFT_OUT = (
    *("/usr/bin/*", "/usr/sbin/*", "/etc/*"),
    *("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/lintian/*", "/usr/share/doc-base/*", "/usr/share/bug/*"),
    *("/usr/share/ca-certificates/*", "/usr/share/perl5/*", "/usr/share/binfmts/*", "/var/*"),
    "*/gconv/*",  # character sets that are converted by iconv, and Python has its own
    *(f"/usr/lib/python3.11/{name}/*" for name in ("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter")),
    # what would need libraries that nothing here does
    *(
        f"*/lib-dynload/{name}.*"
        for name in ("readline", "_curses", "_curses_panel", "_dbm", "_gdbm", "nis", "_tkinter")
    ),
)
WANTED = (
    "/usr/bin/python3.11",
    *("/etc/debian_version", "/etc/os-release", "/etc/mime.types", "/etc/protocols", "/etc/services"),
    *("/etc/ssl/*", "/etc/python3.11/*"),
)
USER = 65532


def main(root: Path, packages: list[str]) -> None:
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        for path in listed(package):
            copy(path, root)
        entry = root / "var/lib/dpkg/status.d" / package
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text(told("-s", package))
    # made when ca-certificates was installed, so no package lists it
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2("/etc/ssl/certs/ca-certificates.crt", bundle)
    (root / "etc/passwd").write_text(
        f"root:x:0:0:root:/root:/sbin/nologin\nwadi:x:{USER}:{USER}:wadi:/data:/sbin/nologin\n"
    )
    (root / "etc/group").write_text(f"root:x:0:\nwadi:x:{USER}:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    for name in (
        "app",
        "dev",
        "proc",
        "sys",
        "tmp",
    ):  # what is mounted over has to be there in a root that is read-only
        (root / name).mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "data").mkdir()
    os.chown(root / "data", USER, USER)
    subprocess.run(["/sbin/ldconfig", "-X", "-r", str(root)], check=True)


def told(*arguments: str) -> str:
    return subprocess.run(["dpkg-query", *arguments], check=True, capture_output=True, text=True).stdout


def listed(package: str) -> list[Path]:
    """The files of a package that are wanted, as they are found where /bin and /lib are parts of /usr."""
    found = [Path(line) for line in told("-L", package).splitlines() if line.startswith("/")]
    names = [Path(os.path.realpath(path.parent)) / path.name for path in found]
    return [path for path in names if path.is_symlink() or path.is_file() if wanted(str(path))]


def wanted(path: str) -> bool:
    if any(fnmatch.fnmatch(path, pattern) for pattern in WANTED):
        return True
    if path.startswith("/usr/share/doc/"):
        return path.endswith("/copyright")
    return not any(fnmatch.fnmatch(path, pattern) for pattern in LEFT_OUT)


def copy(path: Path, root: Path) -> None:
    into = root / path.relative_to("/")
    into.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(into):
        shutil.copy2(path, into, follow_symlinks=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
