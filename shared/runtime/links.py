"""URLs in responses. `url` is a path from the gateway's root, or absolute where an object lies elsewhere.

A proxy may put a path before the gateway's (https://host/video/api/…) and take it off again, so a path alone leads
past the gateway. Where the client resolves it, a URL is relative to the response; elsewhere it is absolute.
"""


def relative(path: str, url: str) -> str:
    """As seen from the response at `path`, which may be a template: only its depth counts."""
    if not url.startswith("/"):
        return url
    return "../" * (path.count("/") - 1) + url[1:]


def absolute(base_url: str, url: str) -> str:
    """As seen from anywhere; `base_url` is how this client reaches the gateway."""
    return f"{base_url}{url}" if url.startswith("/") else url
