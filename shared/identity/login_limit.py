"""How often a password may be tried, from whatever address.

Each try is counted before its password is checked, so that many at once are no way around; the right password resets
the count. Guessing must not lock out the owner of the account: a network that the account was logged in to from has a
count of its own, and all unknown networks share one. A refused try does not make anybody wait longer. Tries for
accounts that do not exist are counted too, so that the limit does not tell which ones exist.
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


class LoginAttempt(NamedTuple):
    """One try to log in. `counter_key`: the account, and the network if it is a known one."""

    counter_key: str

    def check(self) -> None:
        """Counts this try. Raises Problem too-many-requests, with Retry-After."""
        used, wait = counter.count(NAME, self.counter_key, WINDOW_S)
        if used > TRIES:
            raise too_many(f"Too many attempts: try again in {wait} s.", wait)

    def succeeded(self) -> None:
        """Resets the count."""
        counter.clear(NAME, self.counter_key)


def attempt(email: str, client: str, *, known: bool) -> LoginAttempt:
    """A try from this client. `known`: the account was logged in to from its network before."""
    account = sha256(email.encode(errors="surrogatepass")).hexdigest()
    return LoginAttempt(f"{account} {network_of(client)}" if known else account)


def network_of(client: str) -> str:
    """The address itself for IPv4, its /64 for IPv6 (a household has a whole /64); anything else unchanged."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))


def remember_network(tx: Transaction, account_id: str, client: str) -> None:
    """The account was logged in to from this client's network. Networks not used for KEPT_DAYS are forgotten."""
    tx.execute(
        "insert into login_network (account_id, network) values (%s, %s)"
        " on conflict (account_id, network) do update set seen_at = now()",
        (account_id, network_of(client)),
    )
    tx.execute(
        "delete from login_network where account_id = %s and seen_at < now() - make_interval(days => %s)",
        (account_id, KEPT_DAYS),
    )
