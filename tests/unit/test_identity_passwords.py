"""Password hashes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import ConfigError
from shared.identity.passwords import check_password, hash_password, needs_rehash


@pytest.fixture
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCRYPT_COST", "10")


def test_default_cost_is_12() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$2b$12$")
    assert check_password("correct horse", stored)
    assert not needs_rehash(stored)


@pytest.mark.usefixtures("_cheap")
def test_one_password_has_many_hashes() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


@pytest.mark.usefixtures("_cheap")
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("correct horse", "Correct horse"),
        ("correct horse", "correct horse "),
        ("x" * 72 + "a", "x" * 72 + "b"),  # bcrypt alone reads 72 bytes
        ("x" * 1023 + "a", "x" * 1023 + "b"),
        ("before\0after", "before\0other"),  # and stops at a zero byte
        ("пароль" * 20 + "я", "пароль" * 20 + "ю"),
        ("🏞" * 40, "🏞" * 39),
    ],
)
def test_every_character_counts(right: str, wrong: str) -> None:
    stored = hash_password(right)
    assert check_password(right, stored)
    assert not check_password(wrong, stored)


@pytest.mark.usefixtures("_cheap")
def test_unicode_spellings_are_one_password() -> None:
    assert check_password("cafe\u0301 au lait", hash_password("caf\u00e9 au lait"))


@pytest.mark.usefixtures("_cheap")
@given(st.text(max_size=200))
@settings(max_examples=15, deadline=None)
def test_nobody_s_hash_is_a_real_one_that_nothing_matches(password: str) -> None:
    assert check_password(password, None) is False


@pytest.mark.parametrize(
    ("cost", "hint"), [("9", "at least 10"), ("4", "at least 10"), ("19", "at most 18"), ("x", "")]
)
def test_cost_has_bounds(cost: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCRYPT_COST", cost)
    with pytest.raises(ConfigError, match=f"BCRYPT_COST.*{hint}"):
        hash_password("correct horse")
    with pytest.raises(ConfigError, match="BCRYPT_COST"):
        check_password("correct horse", None)


@pytest.mark.usefixtures("_cheap")
def test_another_cost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = hash_password("correct horse")
    monkeypatch.setenv("BCRYPT_COST", "11")
    assert needs_rehash(stored)
    assert check_password("correct horse", stored)
