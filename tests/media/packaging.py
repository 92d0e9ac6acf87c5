"""What an independent packager (shaka-packager) says of a published film."""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.media.published import Result


def assert_packager_agrees(packager: str, result: Result, folder: Path) -> None:
    """It reads init + media segments as one stream, and finds the same length in each rendition, without a warning."""
    span = result.plan.seconds(result.plan.cuts[-1])
    for rendition in result.tracks:
        joined = folder / f"{rendition}.mp4"
        joined.write_bytes(result.joined(rendition))
        sound = rendition.startswith("audio")
        stream = f"in={joined},stream={'audio' if sound else 'video'},output={folder / 'out.mp4'}"
        command = [packager, stream, "--mpd_output", str(folder / "out.mpd")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
        assert "ERROR" not in done.stderr
        root = ElementTree.parse(folder / "out.mpd").getroot()
        length = float(root.get("mediaPresentationDuration", "")[2:-1])
        assert length == pytest.approx(span, abs=0.022 if sound else 0.001)
