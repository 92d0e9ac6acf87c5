"""How often one client may call a function."""

from typing import NamedTuple

from shared.errors import Problem
from shared.rate_limit.counter import count


class PerClient(NamedTuple):
    """At most `calls` in each window of `per` seconds, by client address."""

    name: str
    calls: int
    per: int

    def check(self, client: str) -> None:
        """Counts this call. Raises Problem too-many-requests, with Retry-After."""
        used, wait = count(self.name, client, self.per)
        if used > self.calls:
            raise too_many(f"Too many requests: try again in {wait} s.", wait)


def too_many(detail: str, wait: int) -> Problem:
    """Status 429, with `wait` seconds in Retry-After."""
    return Problem("too-many-requests", detail, headers={"Retry-After": str(wait)}, retry_after_s=wait)
