"""The poster and the storyboard of a video.

`thumbnails` is what functions call (parent side), `storyboard` writes WebVTT. The others are the child side, where the
source is decoded: `sprites` draws, `film` finds the picture that stands at a time, in the packets that `packets` gives
it, `scaled` and `orientation` bring it into shape, `jpeg` and `sheets` write.
"""
