"""How a source is cut into segments, and which renditions it gets. Arithmetic on integers."""
