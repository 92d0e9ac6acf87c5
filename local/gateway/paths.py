"""Request paths in the one form that routes are matched against."""

import posixpath
import re

# RFC 3986, 2.3: these mean the same whether encoded or not. Envoy (Istio's BASE normalization) decodes them too.
_UNRESERVED = re.compile(r"%(?:2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")


def normal(raw_path: str) -> str:
    """The path without dot segments, so that /api/../local is not taken for something under /api."""
    path = _UNRESERVED.sub(lambda found: chr(int(found[0][1:], 16)), raw_path.replace("\\", "/"))
    if "/." not in path:
        return path
    cleaned = posixpath.normpath(path)
    trailing = path.endswith(("/", "/.", "/..")) and cleaned != "/"
    return "/" + cleaned.lstrip("/") + ("/" if trailing else "")
