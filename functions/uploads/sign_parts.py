"""Signs URLs for parts whose checksums are known.

An S3 server takes a checksum only from a URL that was signed for it, so for an upload that goes there the parts come
without URLs, and a client asks for them as it goes. It may do so for any upload.
"""

import re

from msgspec import Struct

from shared.runtime.function import OWNER, Context, Problem, http_function
from shared.storage.nodes.nodes import load
from shared.storage.problems import storage_problems
from shared.uploads.model import SignedPart, signed_part
from shared.uploads.row import State, own_upload

_SHA256 = re.compile(r"[0-9a-f]{64}")


class PartChecksum(Struct, forbid_unknown_fields=True):
    """`sha256` is that of the part's bytes, in hex."""

    number: int
    sha256: str


class SignParts(Struct, forbid_unknown_fields=True):
    id: str
    parts: list[PartChecksum]


class SignedParts(Struct):
    parts: list[SignedPart]


@http_function("POST /api/uploads/{id}/parts", access=OWNER)
def sign_parts(request: SignParts, context: Context) -> SignedParts:
    for index, part in enumerate(request.parts):
        if not _SHA256.fullmatch(part.sha256):
            message = "Give the SHA-256 of the part's bytes as 64 hexadecimal digits in lower case."
            raise Problem("invalid-request", message, errors=[{"field": f"parts[{index}].sha256", "message": message}])
    with storage_problems(), context.transaction() as tx:
        upload = own_upload(tx, request.id, context.caller)
        if upload.state is State.COMPLETED:
            raise Problem("wrong-state", "The upload is complete: no part of it is missing.")
        store = load(tx).store(upload.node_id)
        return SignedParts(
            [signed_part(upload, store, context.base_url, part.number, part.sha256) for part in request.parts]
        )
