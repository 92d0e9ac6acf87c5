"""Whether OpenSearch answers, for /ready. Without its client, which takes too long to import for a cold start."""

import base64
import http.client
import json
from urllib.parse import unquote, urlsplit

from shared.config import setting
from shared.search.document import VERSION

SECONDS = 1.0


def unhealthy_reason() -> str | None:
    """One line with the variable, the address and what is wrong; None when all is well."""
    reasons = []
    for url in setting("OPENSEARCH_URL").split(","):
        try:
            return _old_index(_indexes(url.strip()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            where = urlsplit(url.strip()).netloc.rpartition("@")[2]
            reasons.append(f"{where} does not answer: {error}")
    return "OPENSEARCH_URL: " + "; ".join(" ".join(reason.split()) for reason in reasons)


def _indexes(url: str) -> list[str]:
    """The indexes behind our alias."""
    parts, name = urlsplit(url), setting("OPENSEARCH_INDEX")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 9200), timeout=SECONDS)
    headers = {}
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/_alias/{name}*", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"{answer.status} {answer.reason}")
    return [index for index, about in json.loads(body).items() if name in about["aliases"]]


def current() -> str:
    """How the names of indexes of this version begin."""
    return f"{setting('OPENSEARCH_INDEX')}-v{VERSION}-"


def _old_index(names: list[str]) -> str | None:
    old = [name for name in names if not name.startswith(current())]
    if not old:
        return None
    return (
        f"OPENSEARCH_INDEX: {old[0]} was made by another version of Wadi:"
        " renew_index replaces it within minutes, `wadi reindex` at once."
    )
