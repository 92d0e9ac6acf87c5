"""The poster and the storyboard of a video."""
