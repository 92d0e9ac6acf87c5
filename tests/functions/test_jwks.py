"""The public keys."""

import jwt
import pytest

from tests.conftest import Wadi
from tests.functions.people import Person, assert_problem, registered

pytestmark = pytest.mark.usefixtures("database")
PATH = "/.well-known/jwks.json"


def test_keys_check_our_tokens_in_another_library(wadi: Wadi) -> None:
    _, tokens = registered("ada@example.org")
    keys = jwt.PyJWKSet.from_dict(Person().get("jwks", PATH).json or {})
    key = keys[jwt.get_unverified_header(tokens["access_token"])["kid"]]
    claims = jwt.decode(tokens["access_token"], key, algorithms=["EdDSA"], audience="wadi", issuer="wadi")
    assert claims["sub"] == tokens["user"]["id"]
    assert claims["role"] == "CREATOR"


def test_show_every_secret_that_is_accepted_and_nothing_private(wadi: Wadi, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Person().get("jwks", PATH).json
    assert before is not None
    monkeypatch.setenv("JWT_SECRET", f"{'a newer secret' * 4}, {wadi.jwt_secret}")
    after = Person().get("jwks", PATH).json
    assert after is not None
    assert len(after["keys"]) == len(before["keys"]) + 1
    assert after["keys"][1:] == before["keys"]
    for key in after["keys"]:
        assert set(key) == {"kty", "crv", "use", "alg", "kid", "x"}


def test_without_a_secret_the_log_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("JWT_SECRET", raising=False)
    assert_problem(Person().get("jwks", PATH), 503, "unavailable")
    assert "JWT_SECRET is not set" in caplog.text
