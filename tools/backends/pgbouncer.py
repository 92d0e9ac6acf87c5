"""PgBouncer before a PostgreSQL, in transaction mode: the system's, else Debian's package, unpacked."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tools.backends import debian
from tools.backends.server import Program, Server, serve

NAME = "pgbouncer"


def install() -> Path | None:
    """The unpacked package; None where the system has a pgbouncer."""
    if shutil.which(NAME):
        return None
    return debian.tree(NAME, NAME)


def start(folder: Path, database: str, connections: int = 3) -> Server:
    """Shares that many connections to `database`, a URL, among all of its clients."""
    tree = install()
    behind = urlsplit(database)

    def program(home: Path, ports: list[int]) -> Program:
        (home / "users").write_text(f'"{behind.username}" "{behind.password or ""}"\n')
        (home / "ini").write_text(
            f"""
            [databases]
            * = host={behind.hostname} port={behind.port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {ports[0]}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {home / "users"}
            pool_mode = transaction
            default_pool_size = {connections}
            max_client_conn = 500
            """.replace("            ", "")
        )
        url = urlunsplit(behind._replace(netloc=f"{behind.username}:{behind.password}@127.0.0.1:{ports[0]}"))
        command = NAME if tree is None else str(tree / "usr" / "sbin" / NAME)
        return Program(
            [*_as_somebody(), command, str(home / "ini")],
            lambda: _ask(url),
            {"DATABASE_URL": url},
            debian.libraries(tree) if tree else {},
        )

    return serve(NAME, folder, 1, program)


def _as_somebody() -> list[str]:
    """PgBouncer refuses to be root."""
    if os.geteuid() != 0:
        return []
    return ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]


def _ask(url: str) -> None:
    import psycopg2

    db = psycopg2.connect(url, connect_timeout=2)
    try:
        db.cursor().execute("select 1")
    finally:
        db.close()
