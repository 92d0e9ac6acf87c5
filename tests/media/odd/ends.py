"""Picture and sound that do not begin or end together."""

from tests.media.judge.verdict import Expected
from tests.media.odd.making import MONO, X264, Odd, beeps, lavfi, odd_times, pictures, stand

SHORT, LONG = 4, 12  # seconds
SHOWN = f"{pictures(SHORT)},{stand(LONG)}"
NARRATED = Expected(length=LONG, flashes=odd_times(SHORT), beeps=odd_times(LONG), loudness=(MONO, MONO))
BOTH = f"{lavfi(pictures(SHORT))} {lavfi(beeps(LONG))}"
ONE = "testsrc2=size=320x180:rate=25"
ONE_SHOWN = f"{ONE},trim=end_frame=1,{stand(LONG)}"
ONE_NARRATED = Expected(length=LONG, flashes=[], beeps=odd_times(LONG))
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -c:a libopus"


def _late(seconds: int, stream: str) -> str:
    return (
        f"{lavfi(pictures(4))} -itsoffset {seconds} {lavfi(beeps(4))}"
        if stream == "sound"
        else (f"-itsoffset {seconds} {lavfi(pictures(4))} {lavfi(beeps(seconds + 4))}")
    )


SOUND_OUTLASTS = [
    Odd("narrated.webm", [f"{BOTH} {VP8} @narrated.webm"], NARRATED, SHOWN),
    Odd("narrated-live.webm", [f"{BOTH} {VP8} -live 1 @narrated-live.webm"], NARRATED, SHOWN),
    Odd("narrated.mkv", [f"{BOTH} {X264} -c:a aac @narrated.mkv"], NARRATED, SHOWN),
    Odd("narrated.mp4", [f"{BOTH} {X264} -bf 0 -c:a aac @narrated.mp4"], NARRATED, SHOWN),
    Odd("narrated-b.mp4", [f"{BOTH} -c:v libx264 -preset veryfast -c:a aac @narrated-b.mp4"], NARRATED, SHOWN),
    Odd("narrated.ts", [f"{BOTH} {X264} -c:a aac @narrated.ts"], NARRATED, SHOWN),
    Odd("narrated.flv", [f"{BOTH} {X264} -c:a aac @narrated.flv"], NARRATED, SHOWN),
    Odd("narrated.avi", [f"{BOTH} -c:v mpeg4 -c:a mp3 @narrated.avi"], NARRATED, SHOWN),
    Odd(
        "narrated-frag.mp4",
        [f"{BOTH} {X264} -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof @narrated-frag.mp4"],
        NARRATED,
        SHOWN,
    ),
]

ONE_PICTURE = [
    Odd(
        f"one-picture{number}.{suffix}",
        [
            f"{lavfi(ONE)} -frames:v 1 {codec} @one.{container}",
            f"{lavfi(beeps(LONG))} -c:a {sound} @sound.mka",
            f"-i @one.{container} -i @sound.mka -map 0:v -map 1:a -c copy @one-picture{number}.{suffix}",
        ],
        ONE_NARRATED,
        ONE_SHOWN,
    )
    for number, (suffix, codec, container, sound) in enumerate(
        [
            ("mp4", X264, "mp4", "aac"),
            ("mkv", X264, "mkv", "libopus"),
            ("mkv", "-c:v mjpeg", "mkv", "aac"),
            ("mov", "-c:v png", "mov", "aac"),
            ("ts", X264, "mp4", "aac"),
            ("webm", "-c:v libvpx-vp9 -deadline realtime", "webm", "libopus"),
        ]
    )
]

LATE = [
    # The first picture stands from the beginning, so its flashes come when the pictures move.
    Odd(
        f"picture-late.{suffix}",
        [f"{_late(10, 'picture')} -map 0 -map 1 {codecs} @picture-late.{suffix}"],
        Expected(length=14, flashes=odd_times(14, 10), beeps=odd_times(14)),
        f"{pictures(4)},{stand(0, 10)}",
    )
    for suffix, codecs in [
        ("mkv", f"{X264} -c:a aac"),
        ("mp4", f"{X264} -c:a aac"),
        ("ts", f"{X264} -c:a aac"),
        ("webm", VP8),
        ("flv", f"{X264} -c:a aac"),
    ]
] + [
    Odd(
        f"sound-late.{suffix}",
        [f"{_late(10, 'sound')} {codecs} @sound-late.{suffix}"],
        Expected(length=14, flashes=odd_times(4), beeps=odd_times(14, 10)),
        f"{pictures(4)},{stand(10)}",
    )
    for suffix, codecs in [("mkv", f"{X264} -c:a aac"), ("mp4", f"{X264} -c:a aac"), ("ts", f"{X264} -c:a aac")]
]

_LAST_LONG = "setts=duration='if(eq(N\\,99)\\,20/TB\\,DURATION)'"
LONG_LAST = [
    Odd(
        f"long-last{number}.{suffix}",
        [
            f"{lavfi(pictures(4))} {X264} -bf 0 @v.mp4",
            f"{lavfi(beeps(seconds))} -c:a aac @a.m4a",
            f'-i @v.mp4 -i @a.m4a -c copy -bsf:v "{_LAST_LONG}" @long-last{number}.{suffix}',
        ],
        Expected(length=seconds, flashes=odd_times(4), beeps=odd_times(seconds)),
        f"{pictures(4)},{stand(seconds)}",
    )
    for number, (suffix, seconds) in enumerate([("mp4", 12), ("mp4", 4), ("mkv", 12)])
]

FILES = [*SOUND_OUTLASTS, *ONE_PICTURE, *LATE, *LONG_LAST]
