"""The ISO base media file format (ISO/IEC 14496-12) and CMAF (ISO/IEC 23000-19), as far as Wadi reads and writes it.

Bytes and values in, bytes and values out: no files, no processes. Times are in ticks of the track's timescale, sizes
and offsets in bytes. Imports nothing but the standard library.
"""

from shared.media.mp4.audio_init import aac_init_segment
from shared.media.mp4.boxes import Box, box, children, find, full_box
from shared.media.mp4.codecs import codecs_of
from shared.media.mp4.edit_list import delay_of, with_edit_list
from shared.media.mp4.fragmented import FragmentedFile, Sample, demux
from shared.media.mp4.segment import decode_times, media_segment, spread
from shared.media.mp4.top_level import RandomAccess, top_level_boxes, top_level_types

__all__ = [
    "Box",
    "FragmentedFile",
    "RandomAccess",
    "Sample",
    "aac_init_segment",
    "box",
    "children",
    "codecs_of",
    "decode_times",
    "delay_of",
    "demux",
    "find",
    "full_box",
    "media_segment",
    "spread",
    "top_level_boxes",
    "top_level_types",
    "with_edit_list",
]
