"""Programs out of Debian's packages need nothing of the system but its C library: what else it has is luck."""

import os
import re
import subprocess

import pytest

from tests.cluster.conftest import asked_for
from tools.cluster import node

OF_LIBC = re.compile(r"(libc|libm|libdl|libpthread|librt|libresolv)\.so|ld-linux|linux-vdso")


@asked_for
@pytest.mark.parametrize("program", ["sbin/nft", "sbin/conntrack", "bin/containerd", "sbin/runc"])
def test_every_library_is_of_the_tree(program: str) -> None:
    tree = node.packages()
    command = ["ldd", str(tree / "usr" / program)]
    variables = os.environ | node.environment(tree)
    needed = subprocess.run(command, env=variables, capture_output=True, text=True, check=False).stdout.splitlines()
    # without "=>": linked without libraries, or the loader itself
    foreign = [line.strip() for line in needed if "=>" in line and str(tree) not in line and not OF_LIBC.search(line)]
    assert foreign == []
