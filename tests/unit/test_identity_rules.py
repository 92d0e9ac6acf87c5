"""What is accepted as an address, a password and a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.rules import Refused, display_name, email_address, password

EMAIL = "ada@example.org"


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace@Example.ORG\n", "ada.lovelace@example.org"),
        ("ada+wadi@mail.example.co.uk", "ada+wadi@mail.example.co.uk"),
        ("o'brien_1!#$%&*=?^`{|}~@ex-ample.org", "o'brien_1!#$%&*=?^`{|}~@ex-ample.org"),
        ("jörg@münchen.example", "jörg@münchen.example"),
        ("jo\u0308rg@example.org", "j\u00f6rg@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ("a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example"),
    ],
)
def test_addresses(text: str, stored: str) -> None:
    assert email_address(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ada", "@example.org", "ada@", "ada@example", "ada@@example.org", "ada@exa mple.org",
        "a b@example.org",
        "ada@.org", "ada@example..org", "ada@example.org.", "ada@-example.org", "ada@example-.org", ".ada@example.org",
        "ada.@example.org", "a..b@example.org", "ada@[127.0.0.1]", "<ada@example.org>", "a\0@example.org", "a\n@b.org",
        "x" * 65 + "@example.org", "ada@" + "x" * 64 + ".org", "ada@" + "x.org" * 60,
        '"a b"@example.org', "a,b@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Refused) as refused:
        email_address(text)
    assert str(refused.value).endswith(".")


@given(st.text(max_size=300))
def test_any_text_is_refused_or_settled(text: str) -> None:
    try:
        stored = email_address(text)
    except Refused:
        return
    assert email_address(stored) == stored


@pytest.mark.parametrize(
    "text", ["correct horse", "  spaces around them  ", "пароль пароль", "🏞🐪🌧🌊🏜 and so on", "x1" * 5 + "ab"]
)
def test_passwords(text: str) -> None:
    assert password(text, EMAIL) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("123456789", "at least 10"),
        ("x" * 1025, "at most 1024"),
        ("password123", "guess"),
        ("PassWord123", "guess"),
        (" qwertyuiop ", "guess"),
        ("ababababababab", "guess"),
        ("ada.lovelace@example.org", "address"),
        ("Ada.Lovelace", "address"),
    ],
)
def test_passwords_that_are_refused(text: str, hint: str) -> None:
    with pytest.raises(Refused, match=hint):
        password(text, "ada.lovelace@example.org")


@pytest.mark.parametrize(
    ("text", "stored"), [("Ada", "Ada"), ("  Ada \n Lovelace ", "Ada Lovelace"), ("", ""), (" ", "")]
)
def test_names(text: str, stored: str) -> None:
    assert display_name(text) == stored


@pytest.mark.parametrize(("text", "hint"), [("x" * 101, "100"), ("a\0b", "control"), ("a\x1b[31mb", "control")])
def test_names_that_are_refused(text: str, hint: str) -> None:
    with pytest.raises(Refused, match=hint):
        display_name(text)
