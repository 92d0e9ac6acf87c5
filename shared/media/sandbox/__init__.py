"""Limited child processes: the only places where bytes of a user's file are decoded.

`process` starts a program under limits, `ffmpeg` runs ffmpeg that way, `task` runs our own decoding code
(shared.media.child) that way. `input` holds what both sides of the process boundary must agree on: what may be opened.
Imports only the values of shared.media (`model`, `errors`).
"""
