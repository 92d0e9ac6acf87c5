"""Objects: bytes under a key, on one node. base.py is the port; directory.py is a node that is a directory."""

from shared.objects.base import (
    ChecksumMismatch,
    InvalidKey,
    Listed,
    Multipart,
    NodeFull,
    NodeUnavailable,
    ObjectError,
    ObjectInfo,
    ObjectMissing,
    ObjectStore,
    PartBusy,
    PartInfo,
    PartSizeWrong,
    PartsMissing,
    UploadGone,
    check_key,
)

__all__ = [
    "ChecksumMismatch",
    "InvalidKey",
    "Listed",
    "Multipart",
    "NodeFull",
    "NodeUnavailable",
    "ObjectError",
    "ObjectInfo",
    "ObjectMissing",
    "ObjectStore",
    "PartBusy",
    "PartInfo",
    "PartSizeWrong",
    "PartsMissing",
    "UploadGone",
    "check_key",
]
