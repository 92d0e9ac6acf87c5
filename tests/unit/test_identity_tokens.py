"""Access tokens, read and written by hand here: base64, JSON and Ed25519, without the library that the product uses.

`signed` writes what `verify_access_token` must read, `read` reads what `issue_access_token` wrote, and a token, a key
and a thumbprint from before PyJWT and from RFC 8037 say that both are still the same.
"""

import base64
import json
import logging
import subprocess
import sys
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from shared.config import ConfigError
from shared.identity import InvalidToken, Principal, Role, issue_access_token, jwks, tokens, verify_access_token
from shared.identity.keys import signing_keys, thumbprint

NOW = 1_800_000_000
SECRET = "a secret that is long enough to derive keys from"
OTHER = "another secret that is long enough to derive keys from"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)


def claims(**change: Any) -> dict[str, Any]:
    right = {"iss": "wadi", "aud": "wadi", "sub": "u", "role": "USER", "iat": NOW, "nbf": NOW, "exp": NOW + 60}
    return {name: value for name, value in (right | change).items() if value is not None}


def signed(payload: Any, header: dict[str, Any] | None = None) -> str:
    """A token that carries our signature, whatever it says."""
    key = signing_keys()[0]
    parts = [{"alg": "EdDSA", "kid": key.kid, "typ": "JWT"} | (header or {}), payload]
    text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64url(key.private.sign(text.encode()))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refusal(token: str, now: float = NOW) -> str:
    with pytest.raises(InvalidToken) as refused:
        verify_access_token(token, now=now)
    return str(refused.value)


@pytest.mark.parametrize("role", list(Role))
def test_what_is_issued_is_accepted(role: Role) -> None:
    token, seconds = issue_access_token("u1", role)
    assert verify_access_token(token) == Principal("u1", role)
    assert seconds == 86400


def read(token: str, key_set: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature holds by the key of the set that it names."""
    head, body, signature = token.split(".")
    header = json.loads(_bytes(head))
    (x,) = [key["x"] for key in key_set["keys"] if key["kid"] == header["kid"]]
    Ed25519PublicKey.from_public_bytes(_bytes(x)).verify(_bytes(signature), f"{head}.{body}".encode())
    return header, json.loads(_bytes(body))


def _bytes(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def test_another_reader_accepts_our_tokens() -> None:
    token, _ = issue_access_token("u1", Role.ADMIN)
    header, decoded = read(token, jwks())
    assert header == {"alg": "EdDSA", "kid": jwks()["keys"][0]["kid"], "typ": "JWT"}
    assert (decoded["iss"], decoded["aud"]) == ("wadi", "wadi")
    assert (decoded["sub"], decoded["role"], decoded["exp"] - decoded["iat"]) == ("u1", "ADMIN", 86400)


def test_another_reader_notices_a_changed_claim() -> None:
    head, body, signature = issue_access_token("u1", Role.USER)[0].split(".")
    raised = _base64url(_bytes(body).replace(b"USER", b"ADMIN"))
    with pytest.raises(InvalidSignature):
        read(f"{head}.{raised}.{signature}", jwks())


def test_tokens_and_keys_are_those_of_earlier_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that was issued before PyJWT was used: Ed25519 signs alike each time, so every byte is known."""
    earlier = (
        "eyJhbGciOiJFZERTQSIsImtpZCI6IndqVENMN0FBMExXbGFadl9aX19HN0ZoSV9pUXdKa1RBS3lMUTB5T0ozU0EiLCJ0eXAiOiJKV1QifQ."
        "eyJpc3MiOiJ3YWRpIiwiYXVkIjoid2FkaSIsInN1YiI6InUxIiwicm9sZSI6IkNSRUFUT1IiLCJpYXQiOjE4MDAwMDAwMDAsIm5iZiI6MTgw"
        "MDAwMDAwMCwiZXhwIjoxODAwMDg2NDAwLCJqdGkiOiIwMTg5MGE1ZC1hYzk2LTc3NGItYmNjZS1iMzAyMDk5YTgwNTcifQ."
        "Udf4jBrs5dZ7uZPBrFZ16NQ5jEJuAmbToSAE5SlPNcM1sJJHs-HtIDaJciayTbwsO867I3yzH2z439aO3MkFAA"
    )
    monkeypatch.setattr(tokens, "new_id", lambda: "01890a5d-ac96-774b-bcce-b302099a8057")
    assert issue_access_token("u1", Role.CREATOR, now=NOW) == (earlier, 86400)
    assert verify_access_token(earlier, now=NOW) == Principal("u1", Role.CREATOR)
    kid, x = "wjTCL7AA0LWlaZv_Z__G7FhI_iQwJkTAKyLQ0yOJ3SA", "mHml4gTj_HyB91E74HX71wkC4YhgoypJuewtbhn2FOM"
    assert jwks() == {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x}]}


def test_a_thumbprint_is_that_of_rfc_8037() -> None:
    """Appendix A.3."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_pyjwt_signs_what_we_accept() -> None:
    key = signing_keys()[0]
    token = jwt.encode(claims(), key.private, algorithm="EdDSA", headers={"kid": key.kid})
    assert verify_access_token(token, now=NOW) == Principal("u", Role.USER)


def test_is_valid_for_24_hours_to_the_second() -> None:
    token, _ = issue_access_token("u", Role.USER, now=NOW)
    verify_access_token(token, now=NOW + 86399.9)
    assert "expired" in refusal(token, now=NOW + 86400)


def test_forgives_a_clock_that_is_a_little_behind() -> None:
    token, _ = issue_access_token("u", Role.USER, now=NOW)
    verify_access_token(token, now=NOW - 10)
    assert "not valid yet" in refusal(token, now=NOW - 11)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "elsewhere"}, "somebody else"),
        ({"iss": None}, "somebody else"),
        ({"aud": "elsewhere"}, "somebody else"),
        ({"aud": None}, "somebody else"),
        ({"aud": ["wadi", "elsewhere"]}, "somebody else"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"nbf": None}, "no nbf"),
        ({"nbf": NOW + 3600}, "not valid yet"),
        ({"sub": None}, "no account"),
        ({"sub": ""}, "no account"),
        ({"sub": 7}, "no account"),
        ({"role": None}, "role"),
        ({"role": "KING"}, "role"),
        ({"role": ["ADMIN"]}, "role"),
    ],
)
def test_every_claim_counts(change: dict[str, Any], reason: str) -> None:
    assert reason in refusal(signed(claims(**change)))


def test_the_helper_of_these_tests_signs_rightly() -> None:
    assert verify_access_token(signed(claims()), now=NOW).user_id == "u"


@pytest.mark.parametrize("payload", [[], "text", 7, None])
def test_claims_must_be_an_object(payload: Any) -> None:
    assert "not an access token" in refusal(signed(payload))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "ES256", None, 7])
def test_accepts_one_algorithm(algorithm: Any) -> None:
    assert "EdDSA" in refusal(signed(claims(), {"alg": algorithm}))


def test_public_key_is_no_hmac_secret() -> None:
    """The classical confusion of algorithms: a token signed by HMAC with the key that everyone can read."""
    key = signing_keys()[0]
    forged = jwt.encode(claims(), key.jwk["x"] + "=" * 20, algorithm="HS256", headers={"kid": key.kid})
    assert "EdDSA" in refusal(forged)


@pytest.mark.parametrize("kid", [None, "unknown", 7, ["x"]])
def test_key_must_be_one_of_ours(kid: Any) -> None:
    assert "key" in refusal(signed(claims(), {"kid": kid}))


def test_a_critical_header_that_nobody_knows_is_refused() -> None:
    """RFC 7515, section 4.1.11."""
    refusal(signed(claims(), {"crit": ["unknown"], "unknown": True}))


def test_signature_of_another_secret_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = signing_keys()[0].kid
    monkeypatch.setenv("JWT_SECRET", OTHER)
    forged = signed(claims(), {"kid": ours})
    monkeypatch.setenv("JWT_SECRET", SECRET)
    assert "signature" in refusal(forged)


@given(st.data())
def test_every_changed_character_is_noticed(data: st.DataObject) -> None:
    token, _ = issue_access_token("u1", Role.USER, now=NOW)
    at = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "
    other = data.draw(st.sampled_from(alphabet).filter(lambda character: character != token[at]))
    refusal(token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("padding", ["=", "=="])
def test_a_token_has_one_spelling(padding: str) -> None:
    head, claimed, signature = issue_access_token("u1", Role.USER, now=NOW)[0].split(".")
    for spelling in (f"{head}{padding}.{claimed}.{signature}", f"{head}.{claimed}.{signature}{padding}"):
        assert "not an access token" in refusal(spelling)


@given(st.text(max_size=60) | st.lists(st.binary(max_size=40), min_size=3, max_size=3))
def test_refuses_anything_else(thing: Any) -> None:
    refusal(thing if isinstance(thing, str) else ".".join(_base64url(part) for part in thing))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b", "a.b.c.d", "x" * 5000, _base64url(b"[" * 3000) + ".e30.e30", "ä.ä.ä", "e30.e30.\n"],
)
def test_refuses_odd_forms(token: str) -> None:
    refusal(token)


def test_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = issue_access_token("u", Role.USER)
    monkeypatch.setenv("JWT_SECRET", f"{OTHER}, {SECRET}")
    new, _ = issue_access_token("u", Role.USER)
    assert verify_access_token(old) == verify_access_token(new)
    monkeypatch.setenv("JWT_SECRET", OTHER)
    assert verify_access_token(new).user_id == "u"
    assert "key" in refusal(old, now=0)


@pytest.mark.parametrize("secrets", ["", ",", " , "])
def test_needs_a_secret(secrets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", secrets)
    with pytest.raises(ConfigError, match="JWT_SECRET"):
        issue_access_token("u", Role.USER)


def test_warns_of_a_short_secret_without_telling_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JWT_SECRET", "pssst-short")
    with caplog.at_level(logging.WARNING):
        issue_access_token("u", Role.USER)
    assert "JWT_SECRET is shorter" in caplog.text
    assert "pssst" not in caplog.text


def test_importing_costs_no_third_party_module() -> None:
    code = "import sys, shared.identity; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cryptography", "bcrypt", "jwt", "msgspec", "psycopg2"} & set(loaded)
