"""Video segments: the encoder, the filter graph, and one ffmpeg that makes every rendition of a segment."""
