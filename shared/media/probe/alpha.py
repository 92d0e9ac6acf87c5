"""Decoders for the alpha channel that WebM keeps beside the picture, where FFmpeg's own do not look. Child side."""

import av
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def has_hidden_alpha(stream: Stream) -> bool:
    return stream.codec_context.name in DECODERS and stream.metadata.get("alpha_mode") == "1"


def picture_decoder(stream: VideoStream) -> VideoCodecContext:
    """A decoder that gives all of the pictures of a stream, one that has no threads."""
    if not has_hidden_alpha(stream):
        stream.thread_type = "NONE"
        return stream.codec_context
    decoder = av.CodecContext.create(DECODERS[stream.codec_context.name], "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = stream.codec_context.extradata
    return decoder
