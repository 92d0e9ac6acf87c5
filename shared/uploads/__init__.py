"""Uploads: how the source of a video comes in, in parts or in one request, and when the source may be deleted.

This package alone writes the table upload. `row` has its types, `transitions` every change of its state. It stands
above shared.videos and shared.storage, which do not import it; functions and shared.deletion do.
"""
