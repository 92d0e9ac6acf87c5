"""Rules for e-mail addresses, passwords and display names.

Each function returns the value as it is to be stored, or raises Refused with a sentence for the person.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

MIN_PASSWORD = 10
MAX_PASSWORD = 1024
MAX_EMAIL = 254  # RFC 5321: a path of 256 with its angle brackets
MAX_LOCAL_PART = 64
MAX_NAME = 100

# One @, no spaces or brackets, a domain of dotted labels. Only a message to the address can show that it exists.
_LOCAL_PART = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")
_LABEL = re.compile(r"\w(?:[\w-]*\w)?")


class Refused(ValueError):
    """A value that does not follow the rules; the message says what to change."""


def email_address(text: str) -> str:
    """The address in one spelling, in lower case: it identifies the account."""
    email = unicodedata.normalize("NFC", text.strip()).lower()
    if not email:
        raise Refused("Enter an e-mail address.")
    if len(email) > MAX_EMAIL:
        raise Refused(f"An e-mail address has at most {MAX_EMAIL} characters; this one has {len(email)}.")
    local, at, domain = email.rpartition("@")
    if not at or not _local_part(local) or not _domain(domain):
        raise Refused("This is not an e-mail address: it should look like name@example.org.")
    return email


def password(text: str, email: str) -> str:
    """The password, unchanged: long enough, and neither common nor the address itself."""
    if len(text) < MIN_PASSWORD:
        raise Refused(f"A password has at least {MIN_PASSWORD} characters; this one has {len(text)}.")
    if len(text) > MAX_PASSWORD:
        raise Refused(f"A password has at most {MAX_PASSWORD} characters; this one has {len(text)}.")
    plain = text.strip().lower()
    if plain in (email, email.partition("@")[0]):
        raise Refused("The password is your e-mail address: choose another.")
    if plain in _common_passwords() or len(set(plain)) < 4:
        raise Refused("This password is among the first that anyone would guess: choose another.")
    return text


def display_name(text: str) -> str:
    """The name that others see, on one line."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(name) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters; this one has {len(name)}.")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise Refused("A name must not contain control characters.")
    return name


@cache
def _common_passwords() -> frozenset[str]:
    """Common passwords that are long enough to pass the other rules."""
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())


def _local_part(text: str) -> bool:
    dotted = text.startswith(".") or text.endswith(".") or ".." in text
    return len(text) <= MAX_LOCAL_PART and not dotted and _LOCAL_PART.fullmatch(text) is not None


def _domain(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels)
