"""`wadi`, the command line.

It speaks to the platform over HTTP, as any client would; only `up`, `down`, `ps`, `logs`, `db`, `topics`, `events` and
`storage init` work on this machine. A command is a file in commands/; what several commands use stands beside.

It may import shared/, events/ and local/. It starts quickly: heavy libraries are imported where they are used.
"""
