"""ISO base media file format: reading, building and rewriting boxes (ISO/IEC 14496-12), CMAF segments."""
