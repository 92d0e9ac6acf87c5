"""Our own images on the cluster's node: those of the code as it is when it is asked for.

They are made beside everything else, by a process of its own: a cluster that does not come up ends it, and does not
wait for what may take minutes.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from deploy.overlays import ROOT
from tools.cluster.node import Node
from tools.images import Image, ImageError, build

STOP_SECONDS = 20


class Making:
    """From the moment it is made on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._log = folder, folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tools.images", "--folder", str(folder)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )  # fmt: skip

    def result(self) -> dict[str, Image]:
        """Waits for them. Raises ImageError."""
        try:
            code = self._process.wait()
        except BaseException:
            self.end()
            raise
        if code != 0:
            raise ImageError(self._log.read_text().strip() or f"Images cannot be made: python ended with {code}.")
        return build(self.folder)  # which finds them there

    def end(self) -> None:
        """Also of what it has started: all of it is in a session of its own."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, how)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_SECONDS)


def load(here: Node, made: dict[str, Image]) -> list[str]:
    """The names of those that were not on the node."""
    there = here.images()
    new = [image for image in made.values() if image.reference not in there]
    for image in new:
        here.load(image.archive)
    return [image.reference for image in new]
