"""The audio track: decoded, encoded once as a whole, and cut where the video is cut.

`encode` is what functions call (parent side). `decode` and `track` do the work in the sandbox (child side). `timing` is
the arithmetic that both share.
"""
