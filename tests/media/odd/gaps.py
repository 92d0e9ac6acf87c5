"""Pictures that stand: slides, screens where nothing moves, holes in one stream or in both; and low or odd rates."""

from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi, odd_times, pictures

SLIDE_CODECS = {
    "ts": f"{X264} -c:a aac",
    "mkv": f"{X264} -c:a aac",
    "mp4": f"{X264} -c:a aac",
    "webm": "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -c:a libopus",
}


def _slides(every: int, seconds: int, suffix: str) -> Odd:
    """Each slide is of another grey; every other is white, so it flashes when the second one comes."""
    name = f"slides-{every}.{suffix}"
    graph = f"color=white:s=320x180:r=1/{every}:d={seconds},geq=lum='if(mod(N,2),235,60+20*N)':cb=128:cr=128"
    flashes = [float(at) for at in range(every, seconds, 2 * every)]
    return Odd(
        name,
        [f"{lavfi(graph)} {lavfi(beeps(seconds))} {SLIDE_CODECS[suffix]} @{name}"],
        Expected(length=seconds, flashes=flashes, beeps=odd_times(seconds), length_tolerance=0.1),
        graph,
    )


SLIDES = [_slides(15, 60, suffix) for suffix in SLIDE_CODECS] + [_slides(60, 150, suffix) for suffix in ("ts", "mkv")]

POINTER = (
    "color=white:s=640x360:r=25:d=30,drawgrid=w=40:h=20:c=gray[page];color=red:s=20x20:r=25:d=30[dot];"
    "[page][dot]overlay=x='mod(n*3,600)':y=150,drawbox=enable='lt(mod(t,10),0.1)':color=black:t=fill,"
    "select='lt(mod(t,10),3)+gte(mod(t,10),8)'"
)
POINTER_BEEPS = "aevalsrc='if(lt(mod(t,10),0.1),0.7*sin(2*PI*1000*t),0)':s=48000:d=30"
POINTERS = [
    Odd(
        f"pointer{number}.{suffix}",
        [
            f"{lavfi(POINTER)} {lavfi(POINTER_BEEPS)} -fps_mode vfr {codec} -c:a aac -g 9999 -sc_threshold 0 "
            f"@pointer{number}.{suffix}"
        ],
        Expected(length=30, flashes=[0.0, 10.0, 20.0], beeps=[0.0, 10.0, 20.0], white=-60),
        POINTER,
    )
    for number, (suffix, codec) in enumerate(
        [
            ("mp4", f"{X264} -bf 0"),
            ("mp4", "-c:v libx264 -preset veryfast"),
            ("mkv", "-c:v libx264 -preset veryfast"),
            ("ts", f"{X264} -bf 0"),
        ]
    )
]

# A clock beside the flashes: 5 s of pictures, 3 s of none, 5 s of pictures.
HOLE = "select='lt(t,5)+gte(t,8)'"
SILENCE = "-af \"aselect='lt(t,4.9)+gte(t,8)'\""  # no frame of it reaches into the beep of 5 s
HOLES = (
    [
        Odd(
            f"picture-hole{number}.{suffix}",
            [
                f"{lavfi(f'{pictures(13)},{HOLE}')} {lavfi(beeps(13))} -fps_mode vfr {codec} "
                f"@picture-hole{number}.{suffix}"
            ],
            Expected(length=13, flashes=[1.0, 3.0, 9.0, 11.0], beeps=odd_times(13)),
            f"{pictures(13)},{HOLE}",
        )
        for number, (suffix, codec) in enumerate(
            [
                ("mp4", "-c:v libx264 -preset veryfast -c:a aac"),
                ("mkv", "-c:v libx264 -preset veryfast -c:a aac"),
                ("ts", "-c:v libx264 -preset veryfast -c:a aac"),
                ("flv", f"{X264} -c:a aac"),
                ("webm", SLIDE_CODECS["webm"]),
            ]
        )
    ]
    + [
        Odd(
            f"sound-hole.{suffix}",
            [f"{lavfi(pictures(13))} {lavfi(beeps(13))} {SILENCE} {codec} @sound-hole.{suffix}"],
            Expected(length=13, flashes=odd_times(13), beeps=[1.0, 3.0, 9.0, 11.0]),
            pictures(13),
        )
        for suffix, codec in [("mkv", f"{X264} -c:a aac"), ("ts", f"{X264} -c:a aac"), ("flv", f"{X264} -c:a aac")]
    ]
    + [
        Odd(
            f"both-hole.{suffix}",
            [
                f"{lavfi(f'{pictures(13)},{HOLE}')} {lavfi(beeps(13))} -fps_mode vfr {SILENCE} "
                f"{X264} -c:a aac @both-hole.{suffix}"
            ],
            Expected(length=13, flashes=[1.0, 3.0, 9.0, 11.0], beeps=[1.0, 3.0, 9.0, 11.0]),
            f"{pictures(13)},{HOLE}",
        )
        for suffix in ("mkv", "mp4")
    ]
)

SLOW = "drawbox=enable='lt(mod(t+1.0001,2),0.19)':color=white:t=fill"
RATES = [
    Odd(
        f"rate-{rate.replace('/', '-')}.{suffix}",
        [
            f"{lavfi(f'testsrc2=size=320x180:rate={rate}:duration=8,{SLOW}')} {lavfi(beeps(8))} "
            f"-c:v libx264 -preset veryfast -c:a aac @rate-{rate.replace('/', '-')}.{suffix}"
        ],
        Expected(length=8, flashes=odd_times(8), beeps=odd_times(8), length_tolerance=0.1),
    )
    for rate, suffix in [
        ("5", "mp4"),
        ("10", "mkv"),
        ("25/2", "mp4"),
        ("15", "ts"),
        ("24000/1001", "mp4"),
        ("30", "mov"),
        ("50", "mp4"),
        ("60000/1001", "mkv"),
    ]
]

FILES = [*SLIDES, *POINTERS, *HOLES, *RATES]
