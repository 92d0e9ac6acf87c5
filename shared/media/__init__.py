"""Probing, planning and encoding of media: a pure library on files.

Files (or one URL) come in, files and values come out: no database, no events, no object store. May import
shared.config, shared.errors and shared.telemetry at most; today it imports nothing outside this folder.

A file from a user is hostile until proven otherwise, so there are two sides:

- the parent side runs in a function's process and never decodes. It starts limited child processes (`sandbox`) and
  offers plan(), encode_segment(), encode_audio() and make_thumbnails();
- the child side runs only inside such a process, started as `python -m shared.media.child`. It is `child`, `probe`,
  `subtitles.cues`, in `audio` `decode`, `resample` and `track`, in `reading` `pictures`, `shape` and `write`, and all
  of `pictures` but `thumbnails` and `storyboard`. It is the only code that imports PyAV.

Neither side imports the other. Both import the values (`model`, `errors`), the arithmetic (`planning.build`,
`audio.timing`), `mp4`, and `sandbox.input`, which says what a demuxer may open.
"""
