"""Our own images on the cluster's node: those of the code as it is when it is asked for.

They are made beside everything else, by a process of its own: a cluster that does not come up ends it, and does not
wait for what may take minutes.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cluster.node import Node
from cluster.overlays import ROOT
from images import Image, ImageError, build

STOP_SECONDS = 20


class Making:
    """From the moment it is made on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "images", "--folder", str(folder)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )  # fmt: skip

    def result(self) -> dict[str, Image]:
        """Waits for them. Raises ImageError."""
        try:
            said = self._process.communicate()[1].strip()
        except BaseException:
            self.end()
            raise
        if self._process.returncode != 0:
            raise ImageError(said or f"Images cannot be made: it ended with {self._process.returncode}.")
        return build(self.folder)  # which finds them there

    def end(self) -> None:
        """Also of what it has started: all of it is in a session of its own."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.communicate()


def load(here: Node, made: dict[str, Image]) -> list[str]:
    """The names of those that were not on the node."""
    there = here.images()
    new = [image for image in made.values() if image.reference not in there]
    for image in new:
        here.load(image.archive)
    return [image.reference for image in new]
