// Plays, and notes what happens on the way.
"use strict";

const hitches = []; // waiting and stalled after the first frame: {type, at, ahead}
const heights = []; // of the picture, each time it changes
let started = false;

video.addEventListener("playing", () => (started = true));
video.addEventListener("resize", () => heights.push(video.videoHeight));
for (const type of ["waiting", "stalled"]) {
  video.addEventListener(type, () => started && hitches.push({ type, at: video.currentTime, ahead: ahead(video.currentTime) }));
}

/** Seconds of buffer after `time`, without a gap. */
function ahead(time) {
  const span = spans(video.buffered).find(([start, end]) => start <= time && time <= end);
  return span ? span[1] - time : 0;
}

/** All of it, before a picture is shown: what is seen then is the media's doing, not the network's. */
async function bufferAll() {
  while (!["audio", "video"].every((kind) => ranges(kind).at(-1)?.[1] >= video.duration - 0.1)) await pause(50);
}

/** Plays on to the end. */
async function playOut(rate) {
  const ended = new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
  video.playbackRate = rate;
  await video.play();
  await ended;
}

function report() {
  const quality = video.getVideoPlaybackQuality();
  return {
    ...quirks(),
    hitches,
    ended: video.ended,
    currentTime: video.currentTime,
    duration: video.duration,
    heights,
    frames: quality.totalVideoFrames,
    buffered: spans(video.buffered),
    video: ranges("video"),
    audio: ranges("audio"),
  };
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
