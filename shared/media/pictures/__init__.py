"""The poster and the storyboard of a video.

`thumbnails` is what functions call (parent side), `storyboard` writes WebVTT. `sprites`, `keyframes`, `jpeg` and
`sheets` are the child side: they decode.
"""
