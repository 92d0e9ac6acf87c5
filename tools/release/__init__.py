"""`./task release -- X.Y.Z`: cuts the changelog, sets the version, commits and tags. It pushes nothing.

changelog.py knows the form of CHANGELOG.md, version.py where the version stands, cut.py the order and the refusals.
"""
