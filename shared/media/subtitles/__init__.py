"""Text subtitles: each track of a source that holds text becomes one WebVTT file.

`extraction` is what functions call (parent side). `cues` reads a track in the sandbox (child side). `markup` turns the
text of a cue into that of WebVTT, `webvtt` is the file.
"""
