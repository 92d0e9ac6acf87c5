"""Every setting is declared once, in shared/config/declared.py; each declared one is used, and checked at start."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.config import GROUPS, SETTINGS, ConfigError, check_settings, duration, integer, setting
from shared.config.kinds import Choice, Choices, Integer, Seconds, Secret, Setting, Url
from shared.media.encode.encoders import BY_NAME

ROOT = Path(__file__).resolve().parents[2]
READERS = {"setting": Setting, "choices": Choices, "integer": Integer, "duration": Seconds}
NOT_OURS = {"PATH", "PIP_CONFIG_FILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"}


def code(*packages: str) -> list[Path]:
    found = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    return [file for file in found if not file.is_relative_to(ROOT / "shared" / "config")]


CODE = code("shared", "functions", "local", "cli")


def asked_for() -> Iterator[tuple[str, str, str]]:
    """Names that are given to the accessors: the accessor, the name, and where."""
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=reader), args=[ast.Constant(value=str(name)), *_]) if reader in READERS:
                    yield reader, name, f"{file.relative_to(ROOT)}:{node.lineno}"


def read_from_the_environment(file: Path) -> set[str]:
    """Names that a file reads past the accessors."""
    found = re.findall(r"os\.(?:environ\.get\(|environ\[|getenv\()[\"'](\w+)[\"']", file.read_text())
    return set(found) - NOT_OURS


def test_every_setting_that_is_read_is_declared() -> None:
    assert [(name, where) for _, name, where in asked_for() if name not in SETTINGS] == []
    past = {file: read_from_the_environment(file) for file in code("shared", "functions", "local")}
    assert {file: names for file, names in past.items() if names - SETTINGS.keys()} == {}


def test_every_setting_is_read_as_what_it_is() -> None:
    wrong = [(name, where) for reader, name, where in asked_for() if not isinstance(SETTINGS[name], READERS[reader])]
    assert wrong == []


def test_every_declared_setting_is_read() -> None:
    text = "\n".join(file.read_text() for file in CODE)
    assert [name for name in SETTINGS if not re.search(rf"[\"']{name}[\"']", text)] == []


def test_every_setting_is_explained_and_stands_in_one_group() -> None:
    assert [name for name, declared in SETTINGS.items() if not declared.doc] == []
    assert len(SETTINGS) == sum(len(group) for group in GROUPS.values())


@pytest.mark.parametrize("declared", SETTINGS.values(), ids=lambda declared: declared.name)
def test_a_default_is_a_value_that_is_allowed(declared: Setting) -> None:
    if declared.default:
        declared.check(declared.default)


def test_what_may_hold_a_password_is_a_kind_that_is_never_printed() -> None:
    secret = [name for name in SETTINGS if re.search(r"SECRET|PASSWORD|TOKEN", name)]
    assert secret
    assert [name for name in secret if not isinstance(SETTINGS[name], Secret)] == []
    with_password = [name for name, each in SETTINGS.items() if isinstance(each, Url) and "password" in each.form]
    assert set(with_password) == {"DATABASE_URL", "DATABASE_DIRECT_URL", "OPENSEARCH_URL", "REDIS_URL"}


def test_the_encoders_that_may_be_named_are_those_that_there_are() -> None:
    declared = SETTINGS["VIDEO_ENCODER"]
    assert isinstance(declared, Choice)
    assert set(declared.of) == {"auto", *BY_NAME}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CACHE_SECONDS", "an hour", "CACHE_SECONDS='an hour' is not a whole number."),
        ("CACHE_SECONDS", "-1", "CACHE_SECONDS=-1 is too small: it must be at least 0."),
        ("VIRTUAL_NODES", "0", "VIRTUAL_NODES=0 is too small: it must be at least 1."),
        ("PORT", "65536", "PORT=65536 is too large: it must be at most 65535."),
        ("BCRYPT_COST", "9", "BCRYPT_COST=9 is too small: it must be at least 10."),
        ("BCRYPT_COST", "19", "BCRYPT_COST=19 is too large: it must be at most 18."),
        ("WADI_IDLE_SECONDS", "inf", "WADI_IDLE_SECONDS='inf' is not a number of seconds greater than 0."),
        ("SOURCE_POLICY", "burn", "SOURCE_POLICY='burn' is neither delete nor keep."),
        ("S3_SSE", "rot13", "S3_SSE='rot13' is none of none, AES256 and aws:kms."),
        *(
            ("PUBLIC_URL", url, "PUBLIC_URL is no URL of the form http(s)://host[:port][/path].")
            for url in (
                "tv.example",
                "/video",
                "https://",
                "ftp://tv.example",
                "http://tv:x",
                "http://tv/?a",
                "http://tv/a b",
            )
        ),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL='LOUD' is none of DEBUG, INFO, WARNING and ERROR."),
    ],
)
def test_a_value_that_cannot_be_used_is_one_sentence_at_start(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as raised:
        check_settings()
    assert str(raised.value) == sentence


def test_a_value_is_checked_when_it_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_POLICY", "burn")
    monkeypatch.setenv("MAX_ATTEMPTS", "0")
    monkeypatch.setenv("WADI_IDLE_SECONDS", "0")
    with pytest.raises(ConfigError):
        setting("SOURCE_POLICY")
    with pytest.raises(ConfigError):
        integer("MAX_ATTEMPTS")
    with pytest.raises(ConfigError):
        duration("WADI_IDLE_SECONDS")


def test_a_choice_may_be_in_lower_case_where_it_always_could(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    check_settings()
    assert setting("LOG_LEVEL") == "debug"


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")
    check_settings()
    assert integer("CACHE_SECONDS") == 3600
