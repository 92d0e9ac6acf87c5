"""A TCP proxy in front of the real platform that cuts or holds connections in the middle of what a client sends."""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any


class BreakingProxy:
    """Passes everything on, until it is told to break."""

    def __init__(self, target_port: int = 0) -> None:
        self.target_port = target_port
        self._ending = asyncio.Event()
        self._serving: set[asyncio.Future[None]] = set()  # the connections
        self.address = "127.0.0.1"  # where the platform sees its clients come from
        self.reset()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._call(self._listen())

    def reset(self, *, cut_after: int = 0, cuts: int = 0, hold_after: int = 0) -> None:
        """Each time `cut_after` bytes have gone up, the connection that carries them is cut, `cuts` times in all.
        Once `hold_after` bytes have gone up, `reached` is set and nothing goes up until `release` is called."""
        self.done = 0
        self.total = 0
        self.reached = threading.Event()
        self._cut_after = cut_after
        self._cuts = cuts
        self._hold_after = hold_after
        self._carried = 0
        self._released = asyncio.Event()

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._released.set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def shut(self) -> None:
        """To its clients the server is dead: what was open breaks off, and nobody listens any more."""
        self._call(self._stop())

    def open(self) -> None:
        self._call(self._listen())

    def close(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> None:
        # The same port again after a restart: clients hold on to their URLs.
        # Not an asyncio.Server: one that closes forgets the client it has just accepted (CPython 3.11, fixed in 3.12),
        # who then waits for an answer for ever.
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self._ending.clear()
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):  # a client that came and went
            accepted, _ = self._listening.accept()
            self._serving.add(asyncio.ensure_future(self._serve(accepted)))

    async def _stop(self) -> None:
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._ending.set()
        if self._serving:
            await asyncio.wait(self._serving, timeout=20)
        self._serving.clear()

    async def _serve(self, accepted: socket.socket) -> None:
        client, to_client = await asyncio.open_connection(sock=accepted)
        try:
            if not self._ending.is_set():
                await self._connect(client, to_client)
        finally:
            to_client.transport.abort()

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(
                "127.0.0.1", self.target_port, local_addr=(self.address, 0)
            )
        except OSError:  # the platform is down
            return
        work = {
            asyncio.create_task(self._pump(client, to_server, counted=True)),
            asyncio.create_task(self._pump(server, to_client, counted=False)),
            asyncio.create_task(self._ending.wait()),
        }
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            to_server.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool) -> None:
        while block := await source.read(65536):
            if counted:
                if self._is_cut(len(block)):
                    return
                await self._hold(len(block))
            sink.write(block)
            await sink.drain()

    def _is_cut(self, count: int) -> bool:
        self._carried += count
        if self.done >= self._cuts or self._carried < self._cut_after:
            return False
        self._carried = 0
        self.done += 1
        return True

    async def _hold(self, count: int) -> None:
        self.total += count
        if self._hold_after and self.total >= self._hold_after:
            self.reached.set()
            await self._released.wait()
