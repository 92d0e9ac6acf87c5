"""How a source is cut into segments, and which renditions it gets.

`plan.plan()` is what functions call (parent side). `build`, `cuts`, `ladder` and `frame_rate` are arithmetic on
integers and fractions: they open nothing, and both sides may import them.
"""
