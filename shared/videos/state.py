"""The states of a video, and who it is for."""

from enum import StrEnum


class State(StrEnum):
    """How far a video is. The values are those of the API and of the column `state`."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    PLANNED = "planned"
    PLAYABLE = "playable"  # the first segment can be watched
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"  # the row stays, empty: handlers of late events find it and do nothing


PRESENT = tuple(state for state in State if state is not State.DELETED)


class Visibility(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
