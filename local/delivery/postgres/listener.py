"""LISTEN wadi_topic: tells at once when something was appended to a topic."""

import asyncio
import logging
from collections.abc import Callable

import psycopg2
from psycopg2.extensions import connection

log = logging.getLogger("wadi.delivery")
RECONNECT_SECONDS = 1.0


class Listener:
    def __init__(self, url: str, heard: Callable[[], None]) -> None:
        self.url = url
        self.heard = heard

    async def run(self) -> None:
        """Listens for ever, over any number of connections. What is missed in between, polling finds."""
        while True:
            try:
                db = await asyncio.to_thread(self._connect)
            except psycopg2.Error:
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self.heard()
            await self._listen(db)

    def _connect(self) -> connection:
        db = psycopg2.connect(self.url, connect_timeout=10, application_name="wadi local listen")
        db.autocommit = True
        with db.cursor() as at:
            at.execute("listen wadi_topic")
        return db

    async def _listen(self, db: connection) -> None:
        loop, broken = asyncio.get_running_loop(), asyncio.Event()

        def readable() -> None:
            try:
                db.poll()
            except psycopg2.Error:
                broken.set()
                return
            if db.notifies:
                db.notifies.clear()
                self.heard()

        descriptor = db.fileno()
        loop.add_reader(descriptor, readable)
        try:
            await broken.wait()
        finally:
            loop.remove_reader(descriptor)
            db.close()
