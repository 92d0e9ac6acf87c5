"""Videos for tests, made as far as a test needs them; the cheapest that does comes first.

rows      a row of the table video, and what is planned for it: for what only looks videos up
stored    media segments with objects in storage, as transcode_segment leaves them, of bytes that are no media
film      a real file that goes through the functions, encoded for real
"""
