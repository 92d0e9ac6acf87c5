"""CloudEvents over HTTP in binary mode: attributes as ce- headers, data as the body."""

import base64
import json
from collections.abc import Mapping
from typing import Any

NOT_HEADERS = {"data", "data_base64", "datacontenttype"}


def to_http(event: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event that is given in JSON form."""
    headers = {
        f"ce-{name}": _encode(_text(value))
        for name, value in event.items()
        if name not in NOT_HEADERS and value is not None
    }
    content_type = str(event.get("datacontenttype") or "application/json")
    headers["Content-Type"] = content_type
    if "traceparent" in event:  # the trace goes on in the function that this request wakes
        headers["traceparent"] = str(event["traceparent"])
    return headers, _body(event, content_type)


def _body(event: Mapping[str, Any], content_type: str) -> bytes:
    if "data_base64" in event:
        return base64.b64decode(event["data_base64"])
    data = event.get("data")
    if data is None and "data" not in event:
        return b""
    media_type = content_type.partition(";")[0].strip().lower()
    if isinstance(data, str) and not (media_type.endswith(("/json", "+json"))):
        return data.encode()
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(text: str) -> str:
    """CloudEvents HTTP binding, 3.1.3.2: space, quotes, percent and all beyond printable ASCII are percent-encoded."""
    return "".join(
        character if "!" <= character <= "~" and character not in '"%' else _percent(character) for character in text
    )


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
