"""Exit codes, in one place: scripts depend on them, so a number never changes its meaning."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_LOGGED_IN = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    VIDEO_FAILED = 6
    REFUSED = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.FAILED: "it did not work, for a reason that no other code names",
    Exit.USAGE: "the command line is wrong, or the file named on it cannot be used",
    Exit.NOT_LOGGED_IN: "not logged in, the login has expired, or the password is wrong",
    Exit.NOT_FOUND: "the video, upload or file does not exist",
    Exit.UNREACHABLE: "the platform does not answer",
    Exit.VIDEO_FAILED: "the video was uploaded, but it could not be processed",
    Exit.REFUSED: "the platform understood and said no: not allowed, not valid, too large, wrong state",
    Exit.TIMED_OUT: "the time given with --timeout is over; the work goes on without us",
    Exit.INTERRUPTED: "stopped by Ctrl-C; an upload can be taken up again",
}
