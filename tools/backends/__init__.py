"""Real servers on this machine, without containers, for development and tests.

One module a server, each with `install()`, which fetches or builds the programs once, and `start(folder)`, which gives
a `Server` whose data are in that folder. `./task backends` starts all of them; a test that kills one starts its own.
"""
