"""gunicorn's threaded worker, which refuses connections from the moment it is told to stop.

As it comes it leaves them waiting until the work at hand is done, which may be minutes; a client that is refused can
go to another process at once.
"""

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    def set_accept_enabled(self, enabled: bool | None) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()
