"""The codec name of a track, as manifests give it (RFC 6381)."""

from shared.media.mp4.boxes import children, find

SAMPLE_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes: ISO/IEC 14496-12 §12.1.3


def codecs_of(init: bytes) -> str:
    """The RFC 6381 name of the one track in an init segment: "avc1.640028", or "mp4a.40.2" (AAC-LC).

    Raises KeyError when there is no track.
    """
    stsd = find(init, "moov/trak/mdia/minf/stbl/stsd")
    entry = next(children(init, stsd.body + 8, stsd.end))
    if entry.type == "mp4a":
        return "mp4a.40.2"
    configuration = next(b for b in children(init, entry.body + SAMPLE_ENTRY_BYTES, entry.end) if b.type == "avcC")
    profile, compatible, level = init[configuration.body + 1 : configuration.body + 4]
    return f"{entry.type}.{profile:02x}{compatible:02x}{level:02x}"
