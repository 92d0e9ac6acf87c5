"""The key and the form of signed object URLs."""

import os

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from shared.config import ConfigError
from shared.errors import Problem
from shared.objects import signing

fields = st.dictionaries(st.text("abc&=%\n ", min_size=1), st.text("abc&=%\n ", min_size=0), max_size=4)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "a secret for tests of signing")


def test_the_key_is_hkdf_as_another_library_makes_it() -> None:
    expected = HKDF(SHA256(), 32, salt=None, info=b"wadi object urls").derive(b"a secret")
    assert signing._key("a secret") == expected


@given(fields, fields)
def test_different_fields_have_different_signatures(one: dict[str, str], other: dict[str, str]) -> None:
    same = signing.sign("PUT", "/objects/n/k", 9, one) == signing.sign("PUT", "/objects/n/k", 9, other)
    signatures = [signing._signature("s", "PUT", "/p", signing._quoted(each)) for each in (one, other)]
    assert same == (signatures[0] == signatures[1]) == (one == other)


def test_verify_accepts_what_was_signed_until_it_expires() -> None:
    url = signing.sign("GET", "/objects/node-1/a/b", 1000, {"size": 3})
    path, _, query = url.partition("?")
    values = dict(part.split("=") for part in query.split("&"))
    signing.verify("GET", path, values, now=999)
    signing.verify("HEAD", path, values, now=1000)
    for method, when in (("GET", 1001), ("PUT", 999)):
        with pytest.raises(Problem):
            signing.verify(method, path, values, now=when)


def test_a_grant_is_for_its_subject_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    name = signing.grant("video-1", 1000)
    assert signing.granted(name, now=1000) == "video-1"
    subject, expires, signature = name.split(".")
    url = signing.sign("GET", "video-1", 1000).partition("signature=")[2]
    for bad in (
        f"video-2.{expires}.{signature}",
        f"{subject}.3e9.{signature}",
        f"{subject}.{expires}.{url}",
        f"{subject}.{expires}",
        f"{subject}.{expires}.é",
        f"{subject}.-1.{signature}",
        "",
    ):
        with pytest.raises(Problem):
            signing.granted(bad, now=1000)
    with pytest.raises(Problem, match="expired"):
        signing.granted(name, now=1001)
    monkeypatch.setenv("JWT_SECRET", "a new secret, a secret for tests of signing")
    assert signing.granted(name, now=1000) == "video-1", "a secret that is going away is still good"
    monkeypatch.setenv("JWT_SECRET", "a new secret")
    with pytest.raises(Problem):
        signing.granted(name, now=1000)


def test_without_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", " , ")
    with pytest.raises(ConfigError, match="JWT_SECRET"):
        signing.sign("GET", "/objects/n/k", 9)
    assert "JWT_SECRET" in os.environ
