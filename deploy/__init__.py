"""`./task deploy`: an overlay, or one function of it, brought to a cluster in the right order, watched, and taken back.

manifests.py  what an overlay is made of, and which of it belongs to one function
tools.py      kubectl and kn
ready.py      whether what was applied works, in one line for each reason why not
release.py    migrations, then everything, then waiting
canary.py     one function: a share of its traffic to the new revision, watched, then all of it or nothing

It works through kubectl and kn only, and imports nothing else of ours.
"""
