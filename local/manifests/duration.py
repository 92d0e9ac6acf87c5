"""The two ways to write a length of time: Knative's ISO 8601 (PT1.5S) and Istio's (1m30s)."""

import re

_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_GO = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def iso_seconds(text: str) -> float:
    """Seconds of an ISO 8601 duration in days, hours, minutes and seconds. Raises ValueError."""
    found = _ISO.fullmatch(text)
    if not found or not any(found.groups()) or text.endswith("T"):
        raise ValueError(f"{text!r} is no ISO 8601 duration such as PT1S, PT0.5S or PT10M")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def go_seconds(text: str) -> float:
    """Seconds of a duration as Istio writes it. Raises ValueError."""
    if not re.fullmatch(rf"(?:{_GO.pattern})+", text):
        raise ValueError(f"{text!r} is no duration such as 500ms, 60s or 1m30s")
    return sum(float(number) * _UNIT[unit] for number, unit in _GO.findall(text))
