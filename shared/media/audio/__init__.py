"""The audio track: decoded, encoded once as a whole, and cut where the video is cut."""
