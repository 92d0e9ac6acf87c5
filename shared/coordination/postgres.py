"""Locks and node leases in PostgreSQL. Each call is a transaction of its own; all times are the database's."""

from shared import db
from shared.coordination.base import Coordination


class PostgresCoordination(Coordination):
    def acquire(self, name: str, holder: str, ttl_s: float) -> bool:
        with db.transaction() as tx:
            return bool(
                tx.execute(
                    """
                    insert into lock_lease (name, holder, lease_until)
                    values (%s, %s, now() + make_interval(secs => %s))
                    on conflict (name) do update set holder = excluded.holder, lease_until = excluded.lease_until
                        where lock_lease.lease_until < now()
                    """,
                    (name, holder, ttl_s),
                )
            )

    def keep(self, name: str, holder: str, ttl_s: float) -> bool:
        with db.transaction() as tx:
            return bool(
                tx.execute(
                    "update lock_lease set lease_until = now() + make_interval(secs => %s)"
                    " where name = %s and holder = %s and lease_until >= now()",
                    (ttl_s, name, holder),
                )
            )

    def release(self, name: str, holder: str) -> None:
        with db.transaction() as tx:
            tx.execute("delete from lock_lease where name = %s and holder = %s", (name, holder))

    def renew(self, node_id: str, ttl_s: float) -> None:
        with db.transaction() as tx:
            tx.execute(
                "insert into node_lease (node_id, lease_until) values (%s, now() + make_interval(secs => %s))"
                " on conflict (node_id) do update set lease_until = excluded.lease_until",
                (node_id, ttl_s),
            )

    def alive(self) -> set[str]:
        with db.transaction() as tx:
            return set(tx.values(str, "select node_id from node_lease where lease_until >= now()"))
