"""The parent of all functions' processes: it has imported the libraries already.

    python -m local.activator.zygote <pid of the runner> <control socket> <module>

Most of a function's cold start is importing the same libraries again. This process imports them once and then only
forks: each function still is a process of its own, with its own session, environment and log, and it runs
`<module>.main()` exactly as `python -m <module>` would. Nothing is shared after the fork but read-only memory.

Control messages are lines of JSON. In: {"id", "env", "log", "name"}. Out: {"id", "pid"}, {"ended": pid, "status": n}.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from local.activator.preloaded import PRELOADED
from local.layout import ROOT, SERVE

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
SERVER = ("gunicorn.app.base", "gunicorn.arbiter", "gunicorn.glogging", "gunicorn.workers.gthread")
# What is imported when it is first used, and is used by nearly every function.
FIRST_REQUEST = ("cloudevents.exceptions", "cloudevents.http", "jwt", "shared.runtime.gunicorn_worker")

_libc = ctypes.CDLL(None)


def end_with_parent(parent: int) -> None:
    """Asks the kernel for SIGKILL when the parent ends, however it ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def preload(module: str) -> None:
    """Imports what functions will need. What cannot be imported is left for the function that needs it to report."""
    needed = [*SERVER, *PRELOADED, *FIRST_REQUEST] if module == SERVE else []
    for name in [module, *needed]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection in each child would copy every page


class Zygote:
    def __init__(self, control: socket.socket, module: str) -> None:
        self.control = control
        self.module = module
        self.pid = os.getpid()
        self.unread = b""

    def run(self) -> None:
        """Until the runner closes the control socket."""
        wake_read, wake_write = socket.socketpair()
        wake_read.setblocking(False)
        wake_write.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
        selector = selectors.DefaultSelector()
        selector.register(self.control, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        self.send(ready=True)
        while True:
            for key, _ in selector.select():
                if key.fileobj is wake_read:
                    with contextlib.suppress(BlockingIOError):
                        wake_read.recv(4096)
                    self.reap_children()
                elif not self.handle_commands():
                    return

    def handle_commands(self) -> bool:
        """Starts what the control socket asks for; False when it was closed."""
        received = self.control.recv(1 << 16)
        *lines, self.unread = (self.unread + received).split(b"\n")
        for line in lines:
            command = json.loads(line)
            try:
                self.send(id=command["id"], pid=self.fork(command))
            except OSError as error:
                self.send(id=command["id"], error=str(error))
        return bool(received)

    def reap_children(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.send(ended=pid, status=os.waitstatus_to_exitcode(status))

    def send(self, **message: Any) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def fork(self, command: dict[str, Any]) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                self.run_function(command)
            finally:
                os._exit(1)
        return pid

    def run_function(self, command: dict[str, Any]) -> NoReturn:
        """In the child: turns into the function's process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_with_parent(self.pid)
        os.setsid()
        _libc.prctl(PR_SET_NAME, str(command["name"])[:15].encode(), 0, 0, 0)
        os.environ.clear()
        os.environ.update(command["env"])
        log = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for opened, standard in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(opened, standard)
        os.closerange(3, 64)  # the control socket among them
        sys.argv = [self.module]
        code: Any = 1
        try:
            importlib.import_module(self.module).main()
            code = 0
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    end_with_parent(int(sys.argv[1]))
    control = socket.socket(fileno=int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not (Path.cwd() / "local").is_dir():
        os.chdir(ROOT)
    preload(sys.argv[3])
    Zygote(control, sys.argv[3]).run()


if __name__ == "__main__":
    main()
