"""What ends a command early, with the words for the user and the exit code for the script.

CliError              any end with a message
├── Unreachable       nobody answered; trying again may help
└── ServerProblem     the platform answered with problem+json
"""

from typing import Any

from cli.exits import Exit

LOGIN_HINT = "Log in with: wadi login"


class CliError(Exception):
    """`message` is one sentence for a person; `hint` says what to do next."""

    def __init__(self, message: str, code: Exit = Exit.FAILED, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


class Unreachable(CliError):
    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, Exit.UNREACHABLE, hint=hint)


class ServerProblem(CliError):
    """An answer with a status of 400 or more."""

    def __init__(self, status: int, slug: str, detail: str, extra: dict[str, Any], retry_after: float | None) -> None:
        super().__init__(detail, _code(status))
        self.status = status
        self.slug = slug
        self.extra = extra
        self.retry_after = retry_after

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later. A full disk (507) does not empty itself."""
        return self.status in (408, 425, 429) or (self.status >= 500 and self.status not in (501, 507))


def _code(status: int) -> Exit:
    if status == 401:
        return Exit.NOT_LOGGED_IN
    if status in (404, 410):
        return Exit.NOT_FOUND
    if status in (502, 503, 504):
        return Exit.UNREACHABLE
    if 400 <= status < 500:
        return Exit.REFUSED
    return Exit.FAILED
