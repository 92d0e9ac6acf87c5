"""The table account: who may log in, with which password and role."""

from msgspec import Struct

from shared.db import Transaction
from shared.identity.model import User
from shared.identity.roles import Role


class LoginAccount(Struct, frozen=True):
    """What a login needs of an account. `known`: it was logged in to from the client's network before."""

    id: str
    email: str
    name: str
    role: Role
    password_hash: str
    known: bool

    @property
    def user(self) -> User:
        return User(self.id, self.email, self.name, self.role)


def create(tx: Transaction, user: User, password_hash: str) -> bool:
    """False when there is an account with this e-mail address."""
    inserted = tx.execute(
        """
        insert into account (id, email, name, password_hash, role) values (%s, %s, %s, %s, %s)
        on conflict (email) do nothing
        """,
        (user.id, user.email, user.name, password_hash, user.role.value),
    )
    return inserted > 0


def load(tx: Transaction, account_id: str) -> User | None:
    return tx.one(User, "select id, email, name, role from account where id = %s", (account_id,))


def load_for_login(tx: Transaction, email: str, network: str) -> LoginAccount | None:
    return tx.one(
        LoginAccount,
        """
        select id, email, name, role, password_hash,
            exists (select 1 from login_network where account_id = account.id and network = %s) as known
        from account where email = %s
        """,
        (network, email),
    )


def replace_password_hash(tx: Transaction, account: LoginAccount, password_hash: str) -> None:
    """Stores the same password at another cost, unless the password was changed meanwhile."""
    tx.execute(
        "update account set password_hash = %s where id = %s and password_hash = %s",
        (password_hash, account.id, account.password_hash),
    )


def set_role(tx: Transaction, email: str, role: Role) -> bool:
    """The role of the next login's tokens. False when there is no such account."""
    return tx.execute("update account set role = %s where email = %s", (role.value, email)) > 0
