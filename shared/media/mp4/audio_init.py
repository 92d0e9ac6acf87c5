"""The init segment (ftyp, moov) of an AAC track, box by box."""

import struct

from shared.media.mp4.boxes import box, full_box

# The unity matrix: ISO/IEC 14496-12 §6.2.2.
MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
LANGUAGE_UND = 0x55C4  # "und", undetermined, in three times five bits (ISO/IEC 14496-12 §8.4.2)


def aac_init_segment(configuration: bytes, sample_rate: int, channels: int, bit_rate: int) -> bytes:
    """An init segment whose timescale is `sample_rate` (Hz).

    `configuration` is the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), `bit_rate` in bit/s. It has no edit list: the
    first sample is presented at its decode time.
    """
    entry = box(
        "mp4a",
        struct.pack(">6xH8xHH4xI", 1, channels, 16, sample_rate << 16),
        full_box("esds", 0, 0, _descriptors(configuration, bit_rate)),
    )
    nothing = struct.pack(">I", 0)
    table = box(
        "stbl",
        full_box("stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box("stts", 0, 0, nothing),
        full_box("stsc", 0, 0, nothing),
        full_box("stsz", 0, 0, nothing, nothing),
        full_box("stco", 0, 0, nothing),
    )
    information = box(
        "minf",
        full_box("smhd", 0, 0, nothing),
        box("dinf", full_box("dref", 0, 0, struct.pack(">I", 1), full_box("url ", 0, 1))),
        table,
    )
    media = box(
        "mdia",
        full_box("mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, sample_rate, 0, LANGUAGE_UND, 0)),
        full_box("hdlr", 0, 0, struct.pack(">I4s12x", 0, b"soun"), b"SoundHandler\0"),
        information,
    )
    header = struct.pack(">IIIII8xhhhH", 0, 0, 1, 0, 0, 0, 1, 0x0100, 0) + MATRIX + struct.pack(">II", 0, 0)
    movie = box(
        "moov",
        full_box(
            "mvhd", 0, 0, struct.pack(">IIIIIH10x", 0, 0, 1000, 0, 0x10000, 0x0100), MATRIX, bytes(24), b"\0\0\0\2"
        ),
        box("trak", full_box("tkhd", 0, 7, header), media),
        box("mvex", full_box("trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0))),
    )
    return box("ftyp", b"iso6", nothing, b"iso6cmfcmp41") + movie


def _descriptors(configuration: bytes, bit_rate: int) -> bytes:
    """ES_Descriptor (tag 3) with DecoderConfigDescriptor (4), DecoderSpecificInfo (5) and SLConfigDescriptor (6).

    ISO/IEC 14496-1 §7.2.6. 0x40: MPEG-4 audio; 0x15: an audio stream.
    """
    decoder = bytes([0x40, 0x15]) + bytes(3) + struct.pack(">II", bit_rate, bit_rate) + _descriptor(5, configuration)
    return _descriptor(3, struct.pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02"))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body
