"""Videos: their rows, their states, who may see them, and the work that each still needs.

This package is the only writer of the tables `video`, `media_segment` and `watched`. A change of a video's state is a
function of transitions.py, which also publishes the events that tell of it; other columns are written by updates.py,
media segments by segments.py. Who may see what is decided in visibility.py.

It may import shared.storage and everything below it, and shared.runtime.workspace. It imports neither shared.uploads,
shared.messages nor shared.search, which import it; what needs all of them (deleting a video) is in shared.deletion.
"""
