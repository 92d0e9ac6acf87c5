"""What a source is: its container, streams and packets. Child side only: nothing outside the sandbox imports it.

`scan` is what planning needs; `container` opens a source, also for `audio.track` and `pictures.sprites`.
"""
