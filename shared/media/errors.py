"""What can go wrong with a source."""


class MediaError(Exception):
    """A source that cannot become a video, for good: retrying does not help.

    `reason` is one sentence for the person who uploaded the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EncodeTrouble(Exception):
    """An encode that failed for a reason of ours (killed, disk full, no memory): retrying may help."""
