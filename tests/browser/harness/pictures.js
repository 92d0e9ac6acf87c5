// Reads the number that each picture of a test clip carries: 16 bars, white, 14 bits from the highest, black.
"use strict";

const canvas = new OffscreenCanvas(160, 90);
const pen = canvas.getContext("2d", { willReadFrequently: true });

function shownNumber() {
  pen.drawImage(video, 0, 0, 160, 90);
  const row = pen.getImageData(0, 45, 160, 1).data;
  const bits = Array.from({ length: 16 }, (_, bar) => row[4 * (bar * 10 + 5)] > 125);
  if (!bits[0] || bits[15]) return -1;
  return bits.slice(1, 15).reduce((number, bit) => 2 * number + bit, 0);
}

/** Seeks, paused, and reads the picture there. */
async function numberAt(seconds) {
  const shown = new Promise((resolve) => video.requestVideoFrameCallback((_, frame) => resolve(frame)));
  const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  video.currentTime = seconds;
  const [frame] = await Promise.all([shown, seeked]);
  return { number: shownNumber(), mediaTime: frame.mediaTime };
}

async function numbersAt(times) {
  const found = [];
  for (const seconds of times) found.push(await numberAt(seconds));
  return found;
}
