"""Video segments: one ffmpeg decodes a segment of the source once and makes every rendition of it.

`segment.encode_segment()` is what functions call (parent side). `job` runs ffmpeg, `filters` builds its filter graph,
`encoders` chooses the H.264 encoder, `command` is ffmpeg-python with types, `failures` tells our failures from damage
in the source, `cmaf` writes the result. ffmpeg itself runs under the limits of `sandbox`.
"""
