"""How a stored picture is turned and mirrored to be shown. Child side: runs only inside the sandbox."""

from array import array
from math import atan2, degrees, hypot
from typing import cast

from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame


def upright(frame: VideoFrame) -> tuple[list[str], bool]:
    """The filters that show a picture as its display matrix says, and whether they exchange width and height.

    The same as what the ffmpeg program does by itself (its -autorotate), so that pictures agree with the film.
    """
    side_data = cast(SideDataContainer, frame.side_data)  # PyAV's types name one kind of it only
    if "DISPLAYMATRIX" not in side_data:
        return [], False
    matrix = array("i", bytes(side_data["DISPLAYMATRIX"]))  # 3 x 3, row by row (ISO/IEC 14496-12 §6.2.2)
    across, down = hypot(matrix[0], matrix[3]), hypot(matrix[1], matrix[4])
    if not across or not down:
        return [], False
    angle = degrees(atan2(matrix[1] / down, matrix[0] / across)) % 360
    if abs(angle - 90) < 1:
        return ["transpose=cclock_flip" if matrix[3] > 0 else "transpose=clock"], True
    if abs(angle - 180) < 1:
        return [*(["hflip"] if matrix[0] < 0 else []), *(["vflip"] if matrix[4] < 0 else [])], False
    if abs(angle - 270) < 1:
        return ["transpose=clock_flip" if matrix[3] < 0 else "transpose=cclock"], True
    if 1 < angle < 359:
        return [f"rotate={angle}*PI/180"], False
    return ["vflip"] if matrix[4] < 0 else [], False
