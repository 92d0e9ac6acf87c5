"""What goes wrong at the boundary.

Exception
├── Problem      an HTTP error that the caller can act on: RFC 9457 problem+json
├── Malformed    an event that no retry can help: 400, straight to the dead letter sink
├── Busy         the same event is being handled elsewhere: 409, retried
├── LeaseLost    another process took this work over; nothing of this transaction is committed: 503, retried
└── Unavailable  a backend does not answer: 503, retried
"""

from typing import Any, NamedTuple


class ProblemType(NamedTuple):
    status: int
    title: str


# The slug is the stable name that clients may test for: "type": "/problems/<slug>".
PROBLEMS: dict[str, ProblemType] = {
    "invalid-request": ProblemType(400, "The request is not valid"),
    "checksum-mismatch": ProblemType(400, "The bytes do not match their checksum"),
    "invalid-credentials": ProblemType(401, "The e-mail address or the password is wrong"),
    "not-authenticated": ProblemType(401, "A valid access token is needed"),
    "invalid-refresh-token": ProblemType(401, "The refresh token is not valid"),
    "forbidden": ProblemType(403, "Your role does not allow this"),
    "invalid-signature": ProblemType(403, "The URL's signature is not valid or has expired"),
    "not-found": ProblemType(404, "There is nothing here"),
    "method-not-allowed": ProblemType(405, "This method is not allowed here"),
    "email-taken": ProblemType(409, "The e-mail address is taken"),
    "upload-incomplete": ProblemType(409, "Parts of the upload are missing"),
    "wrong-state": ProblemType(409, "This cannot be done in the present state"),
    "replicas-at-risk": ProblemType(409, "Replicas would be lost, or have no place"),
    "in-progress": ProblemType(409, "This is in progress elsewhere"),
    "gone": ProblemType(410, "This is no longer here"),
    "length-required": ProblemType(411, "The length of the body must be given"),
    "too-large": ProblemType(413, "The body is too large"),
    "unsupported-media-type": ProblemType(415, "The body is of an unsupported type"),
    "range-not-satisfiable": ProblemType(416, "The range lies outside the object"),
    "too-many-requests": ProblemType(429, "Too many requests"),
    "internal-error": ProblemType(500, "Something went wrong on our side"),
    "bad-gateway": ProblemType(502, "The function did not answer"),
    "unavailable": ProblemType(503, "This is unavailable right now"),
    "gateway-timeout": ProblemType(504, "The function took too long"),
    "storage-full": ProblemType(507, "There is no room left to store this"),
}


class Problem(Exception):
    """An error that is answered as application/problem+json (RFC 9457).

    `slug` is a key of PROBLEMS, `detail` one sentence for a person, `extra` further members of the answer.
    """

    def __init__(self, slug: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.slug = slug
        self.status, self.title = PROBLEMS[slug]
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }


class Malformed(Exception):
    """An event that cannot be understood; sending it again would not help."""


class Busy(Exception):
    """The event is being handled by another process that holds its lease."""


class LeaseLost(Exception):
    """The lease of this work went to another process while we were at it."""


class Unavailable(Exception):
    """A backend does not answer; the message names its variable, its address and what was refused."""
