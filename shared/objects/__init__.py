"""Objects: bytes under a key, on one node.

base.py has the ports. directory.py (with part_files.py and durable.py) is a node that is a directory, s3/
one that is a bucket; factory.py opens the store of a node. signing.py signs URLs of directories. Which nodes have an
object is the business of shared/storage. May import shared/{config,errors,ids} only.
"""

from shared.objects.base import (
    ChecksumMismatch,
    InvalidKey,
    Listed,
    Multipart,
    MultipartUploads,
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
    "MultipartUploads",
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
