"""One file a command: HELP, arguments(parser) and run(args, session) -> Exit.

These modules import only what is quick to import; rich and httpx come in when a command uses them.
"""
