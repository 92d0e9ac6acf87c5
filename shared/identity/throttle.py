"""How often a password may be guessed, wherever the guesses come from.

Each try counts before it is known to be wrong, so that many at once are no way around, and the right password takes
the count away. An account's own people are not to be locked out by it: a network that the account was logged in to
from has a count of its own, so who guesses elsewhere uses up only what all unknown networks have together. A refused
try makes nobody wait longer. Accounts that do not exist are counted like those that do.
"""

from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from shared.db import Transaction
from shared.rate_limit import counter
from shared.rate_limit.per_client import too_many

TRIES = 10
WINDOW_S = 15 * 60
KEPT_DAYS = 90
NAME = "login-account"


class Attempt(NamedTuple):
    """One try to log in: whose count it is in."""

    who: str

    def spend(self) -> None:
        """Raises Problem too-many-requests, with Retry-After."""
        used, wait = counter.count(NAME, self.who, WINDOW_S)
        if used > TRIES:
            raise too_many(f"Too many attempts: try again in {wait} s.", wait)

    def succeeded(self) -> None:
        counter.clear(NAME, self.who)


def attempt(email: str, client: str, *, known: bool) -> Attempt:
    """A try from this client; `known`: the account was logged in to from its network before."""
    account = sha256(email.encode(errors="surrogatepass")).hexdigest()
    return Attempt(f"{account} {network_of(client)}" if known else account)


def network_of(client: str) -> str:
    """An IPv4 address, the /64 of an IPv6 one (a household has all of it); anything else as it is."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))


def remember(tx: Transaction, account_id: str, client: str) -> None:
    """The account was logged in to from here; networks that were not used for long are forgotten."""
    tx.execute(
        "insert into login_network (account_id, network) values (%s, %s)"
        " on conflict (account_id, network) do update set seen_at = now()",
        (account_id, network_of(client)),
    )
    tx.execute(
        "delete from login_network where account_id = %s and seen_at < now() - make_interval(days => %s)",
        (account_id, KEPT_DAYS),
    )
