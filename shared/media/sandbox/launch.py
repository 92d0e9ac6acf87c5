"""Set limits on this process, then replace it by another program (exec).

Run as a script by its path (`python -I -S launch.py PARENT MEMORY CPU NICENESS PROGRAM ARG…`), because a function's
process has threads and Python's `preexec_fn` is not safe beside them. Imports nothing of ours: it must start in
milliseconds.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def limit_this_process(parent: int, memory: int, cpu_seconds: int, niceness: int) -> None:
    """`memory` is bytes of address space, `cpu_seconds` is CPU time (0: no limit). The kernel kills this process when
    `parent` ends."""
    os.nice(niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above could see it
            os._exit(137)
    if memory:
        _set_limit(resource.RLIMIT_AS, memory)
    if cpu_seconds:
        _set_limit(resource.RLIMIT_CPU, cpu_seconds)
    _set_limit(resource.RLIMIT_CORE, 0)


def _set_limit(which: int, wanted: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    limit_this_process(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - never a shell
