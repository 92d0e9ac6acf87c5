"""Requests to one bucket, on keys below one prefix."""

from collections.abc import Iterator
from typing import Any

from shared.objects.base import CHUNK, NodeUnavailable, ObjectMissing, check_key
from shared.objects.s3.client import client, s3_errors, status_of
from shared.objects.s3.location import Location

# Servers answer 409 when two requests come across each other, as a PUT beside the DELETE that empties its folder.
CONFLICT_TRIES = 4


class Bucket:
    """Every method may raise NodeUnavailable, and what else S3 answers as ObjectErrors."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def send(self, operation: str, name: str, **parameters: Any) -> Any:
        """One request on one key of the bucket. Raises ObjectErrors."""
        call = getattr(client(self.location.server), operation)
        for left in reversed(range(CONFLICT_TRIES)):
            try:
                with s3_errors(self.location):
                    return call(Bucket=self.location.bucket, Key=self.location.prefix + name, **parameters)
            except NodeUnavailable as error:
                if not left or status_of(error) != 409:
                    raise
        raise AssertionError("not reached")

    def pages(self, operation: str, name: str, **parameters: Any) -> Iterator[Any]:
        """The pages of a listing of all keys that begin with `name`, or of the parts of this one key."""
        field = "Key" if operation == "list_parts" else "Prefix"
        pages = client(self.location.server).get_paginator(operation)
        with s3_errors(self.location):
            yield from pages.paginate(
                **{"Bucket": self.location.bucket, field: self.location.prefix + name, **parameters}
            )

    def size(self, key: str) -> int | None:
        """The size of an object, or None when it is not here."""
        try:
            return int(self.send("head_object", object_name(key))["ContentLength"])
        except ObjectMissing:  # the answer to a HEAD has no body: it may be the key that is missing, or the bucket
            self.check()
            return None

    def check(self) -> None:
        """Raises NodeUnavailable unless the bucket is there and lets us in."""
        try:
            with s3_errors(self.location):
                client(self.location.server).head_bucket(Bucket=self.location.bucket)
        except ObjectMissing:
            raise NodeUnavailable(
                f"{self.location} at {self.location.server.url}: there is no such bucket;"
                " make it with: wadi storage init"
            ) from None

    def read(self, body: Any) -> Iterator[bytes]:
        """The bytes of an answer. Raises NodeUnavailable when it breaks off."""
        try:
            while True:
                with s3_errors(self.location):
                    data = body.read(CHUNK)
                if not data:
                    return
                yield data
        finally:
            body.close()

    def below(self, name: str, folder: str) -> str:
        """A name of a listing without the prefix of this node and the folder."""
        return name.removeprefix(self.location.prefix + folder)


def object_name(key: str) -> str:
    """Where an object is, below the prefix. Raises InvalidKey."""
    return f"objects/{check_key(key)}"
