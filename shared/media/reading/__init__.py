"""Sources whose timestamps cannot be used as they are, or that no single demuxer reads (model.Reading).

`pictures` and `shape` are the child side: they decode packet by packet, give each picture its published time and one
shape, and write it as raw video. `pipe` is the parent side: it lets that child feed the ffmpeg that encodes.
"""
