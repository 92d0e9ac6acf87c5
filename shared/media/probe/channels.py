"""Channel orders that PyAV cannot hold.

PyAV 18.1 copies a custom channel layout (one with a map, such as L C R Ls Rs LFE of old films) without its map's
memory, and frees that twice: the process crashes at the first decoded frame. So such a decoder is told, before it is
opened, that its channels are in an order that FFmpeg has a name for; which order it really is, is kept with the track.
"""

import re

from av.audio.codeccontext import AudioCodecContext
from av.audio.layout import AudioLayout

NATIVE = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")  # one for each number of channels
CUSTOM = re.compile(r"\(([A-Z0-9+]+)\)$")  # how FFmpeg describes a custom one: "6 channels (FL+FC+FR+SL+SR+LFE)"


def set_native_layout(context: AudioCodecContext) -> list[str]:
    """Replace a custom order of channels by a native one of as many, before the first decode.

    The custom order: ["FL", "FC", "FR" …]; [] where the order is a native one, which stays as it is.
    """
    custom = CUSTOM.search(context.layout.name)
    if custom is None:
        return []
    channels = custom[1].split("+")
    # assigning also forgets the map, whose memory is free by now
    context.layout = AudioLayout(NATIVE[len(channels) - 1] if len(channels) <= len(NATIVE) else f"{len(channels)}C")
    return channels
