"""What can go wrong with a source."""


class MediaError(Exception):
    """A source that cannot become a video, for good: retrying does not help.

    `reason` is one sentence for the person who uploaded the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EncodeError(Exception):
    """An encode that failed for a reason on our side (killed, disk full, out of memory): retrying may help."""
