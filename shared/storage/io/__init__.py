"""Bytes in and out: storing, signed URLs, serving, and sources for ffmpeg, each from the next good replica."""
