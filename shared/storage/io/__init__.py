"""Bytes in and out: the first replica of a new object; signed URLs, functions and ffmpeg that read one."""
