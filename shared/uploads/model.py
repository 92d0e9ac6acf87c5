"""An upload as the API shows it."""

from base64 import b64encode
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from shared.errors import Problem
from shared.objects import ObjectStore, PartInfo
from shared.objects.base import part_count, part_length
from shared.runtime.links import absolute
from shared.uploads.row import MultipartUpload, State

MIB = 1024 * 1024
MIN_PART_SIZE = 8 * MIB
MAX_PARTS = 1000


class Part(Struct, omit_defaults=True):
    """One piece of the file, to be PUT at `url`. `received`, always present: it is stored already. Sizes are in bytes.

    Without a `url`, POST /api/uploads/{id}/parts gives one for the SHA-256 of the part's bytes.
    """

    number: int
    offset: int
    size: int
    received: bool
    url: str | UnsetType = UNSET
    sha256: str | UnsetType = UNSET


class SignedPart(Struct):
    """Where a part is to be PUT, with these headers."""

    number: int
    url: str
    headers: dict[str, str]


class Upload(Struct):
    id: str
    video_id: str
    name: str
    size: int
    part_size: int
    state: str  # open or completed
    expires_at: datetime
    parts: list[Part]


def part_size_for(size: int) -> int:
    """A thousand parts at most, none under 8 MiB, whole MiBs."""
    needed = -(-size // MAX_PARTS)
    return max(MIN_PART_SIZE, -(-needed // MIB) * MIB)


def upload_view(upload: MultipartUpload, store: ObjectStore, base_url: str) -> Upload:
    """`store` is the node of the upload. Raises UploadGone, NodeUnavailable."""
    size, part_size, key = upload.size, upload.part_size, upload.object_key
    completed = upload.state is State.COMPLETED
    parts = [] if completed else store.multipart.parts(key, upload.multipart_id)
    received: dict[int, PartInfo] = {part.number: part for part in parts}
    expires_at = int(upload.expires_at.timestamp())

    def url(number: int) -> str | UnsetType:
        if store.multipart.binds_checksums:
            return UNSET
        return absolute(base_url, store.multipart.signed_part_url(key, upload.multipart_id, number, expires_at))

    return Upload(
        id=upload.id,
        video_id=upload.video_id,
        name=upload.name,
        size=size,
        part_size=part_size,
        state=upload.state.value,
        expires_at=upload.expires_at,
        parts=[
            Part(
                number=number,
                offset=(number - 1) * part_size,
                size=part_length(size, part_size, number),
                received=completed or number in received,
                url=url(number),
                sha256=received[number].sha256 if number in received else UNSET,
            )
            for number in range(1, part_count(size, part_size) + 1)
        ],
    )


def signed_part(upload: MultipartUpload, store: ObjectStore, base_url: str, number: int, sha256: str) -> SignedPart:
    """Raises Problem invalid-request when there is no such part, NodeUnavailable."""
    last = part_count(upload.size, upload.part_size)
    if not 1 <= number <= last:
        raise Problem("invalid-request", f"There is no part {number}: they are numbered from 1 to {last}.")
    expires_at = int(upload.expires_at.timestamp())
    signed = store.multipart.signed_part_url(upload.object_key, upload.multipart_id, number, expires_at, sha256=sha256)
    checksum = b64encode(bytes.fromhex(sha256)).decode()
    return SignedPart(number, absolute(base_url, signed), {"x-amz-checksum-sha256": checksum})
