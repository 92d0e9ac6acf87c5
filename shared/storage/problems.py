"""Errors of the storage as problems that a client can act on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Problem
from shared.objects import NodeFull, NodeUnavailable, PartBusy, PartsMissing, UploadGone

log = logging.getLogger("wadi.storage")


@contextmanager
def storage_problems() -> Iterator[None]:
    """Turns ObjectErrors of the block into Problems."""
    try:
        yield
    except PartsMissing as error:
        raise Problem(
            "upload-incomplete",
            f"{len(error.numbers)} of the parts have not arrived. Send them, then complete again.",
            missing=error.numbers,
        ) from error
    except PartBusy as error:
        raise Problem("in-progress", f"Try again in a moment: {error}.", headers={"Retry-After": "1"}) from error
    except UploadGone as error:
        raise Problem("gone", "The parts of this upload are no longer here. Start again.") from error
    except NodeFull as error:
        log.error("%s", error)
        raise Problem("storage-full", "The storage has no room for this file.") from error
    except NodeUnavailable as error:
        log.error("%s", error)
        raise Problem(
            "unavailable", "The storage does not answer. Try again later.", headers={"Retry-After": "5"}
        ) from error
