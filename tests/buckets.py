"""Buckets of a test's own on the real S3 server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.ids import new_id
from shared.objects.s3.client import client
from shared.objects.s3.location import located
from tests import real

ANY = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_settings(endpoint: str = "") -> Iterator[dict[str, str]]:
    """The settings that lead to an S3 server, by default the real one. Skips where there is none."""
    settings = ANY | {"S3_ENDPOINT_URL": endpoint} if endpoint else real.s3_settings()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings


@contextmanager
def buckets(stem: str, count: int = 1, endpoint: str = "") -> Iterator[list[str]]:
    """Names of so many fresh buckets, gone at the end, with the settings that lead to them."""
    with s3_settings(endpoint):
        names = [f"{stem}-{new_id()[-12:]}" for _ in range(count)]
        for name in names:
            s3().create_bucket(Bucket=name)
        try:
            yield names
        finally:
            for name in names:
                remove(name)


def s3() -> Any:
    """boto3's client of the server of the settings, to look at things as somebody else would."""
    return client(located("s3://any").server)


def keys(bucket: str) -> dict[str, int]:
    """All that is in a bucket, with its sizes."""
    pages = s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def remove(bucket: str) -> None:
    try:
        for upload in s3().list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            s3().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        for key in keys(bucket):
            s3().delete_object(Bucket=bucket, Key=key)
        s3().delete_bucket(Bucket=bucket)
    except s3().exceptions.NoSuchBucket:
        return  # a test has taken it away
