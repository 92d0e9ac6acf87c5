"""Bind this process to limits, then become another program.

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
    """Die with `parent`; at most `memory` bytes of address space and `cpu_seconds` of CPU (0: no limit); give way to
    others by `niceness`."""
    os.nice(niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above could see it
            os._exit(137)
    if memory:
        _lower(resource.RLIMIT_AS, memory)
    if cpu_seconds:
        _lower(resource.RLIMIT_CPU, cpu_seconds)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, wanted: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    limit_this_process(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - never a shell
