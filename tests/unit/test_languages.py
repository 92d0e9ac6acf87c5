"""The language tags of files as BCP 47 has them, and in English."""

import pytest

from shared.media.languages import bcp47, english_name


@pytest.mark.parametrize(
    ("code", "tag", "name"),
    [
        ("ger", "de", "German"),
        ("deu", "de", "German"),
        ("GER", "de", "German"),
        ("fre", "fr", "French"),
        ("zho", "zh", "Chinese"),
        ("en-US", "en-US", "English (US)"),
        ("pt_BR", "pt-BR", "Portuguese (BR)"),
        ("haw", "haw", "haw"),
        ("und", "", ""),
        ("zxx", "", ""),
        ("", "", ""),
        ("\x00x", "", ""),
        ('de",URI="x', "", ""),
    ],
)
def test_a_tag_and_its_name(code: str, tag: str, name: str) -> None:
    assert bcp47(code) == tag
    assert english_name(tag) == name
