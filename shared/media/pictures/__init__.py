"""The poster and the storyboard of a video.

`thumbnails` is what functions call (parent side), `storyboard` writes WebVTT; `sprites` is the child side and decodes.
"""
