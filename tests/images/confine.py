"""Runs a command in an image without a container engine, as strictly as the manifests ask: nothing of the root file
system can be written but /tmp and /data, and nobody in it is root. Needs root outside of it; the network is ours."""

from collections.abc import Mapping
from pathlib import Path

from tools.images import archive

SCRIPT = """
set -e
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o "uid=${user%:*},gid=${user#*:},mode=700" tmpfs "$root/data"
exec "$(command -v chroot)" --userspec="$user" "$root" "$@"
"""


def command(root: Path, image: Path, *arguments: str) -> list[str]:
    """What to start: `arguments` in the unpacked root file system of `image`; without any, what a container starts."""
    config = archive.read(image).config["config"]
    started = arguments or (*config["Entrypoint"], *config["Cmd"])
    return ["unshare", "--mount", "--", "sh", "-c", SCRIPT, "sh", str(root), config["User"], *started]


def environment(image: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The image's own variables, with these. Outside of the image PATH finds unshare and chroot."""
    own = dict(line.split("=", 1) for line in archive.read(image).config["config"]["Env"])
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | own | dict(variables or {})
