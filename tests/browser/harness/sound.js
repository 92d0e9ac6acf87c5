// When the beeps of a test clip begin, on the timeline that the media engine was told: decodes what was appended.
"use strict";

async function beeps() {
  const pieces = appended.filter((piece) => piece.kind === "audio");
  const decoded = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await new Blob(pieces.map((piece) => piece.bytes)).arrayBuffer());
  const origin = firstTime(pieces);
  const samples = decoded.getChannelData(0);
  const onsets = [];
  let quietSince = -Infinity; // index of the last loud sample
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]) < 0.1) continue;
    if (i - quietSince > 4800) onsets.push(origin + i / 48000);
    quietSince = i;
  }
  return { onsets, seconds: decoded.duration, origin };
}

/** Of the first sample, in seconds: tfdt by the track's timescale, and the player's offset. */
function firstTime(pieces) {
  let timescale = null;
  for (const { bytes, offset } of pieces) {
    const view = new DataView(bytes.buffer);
    const mdhd = find(view, ["moov", "trak", "mdia", "mdhd"]);
    if (mdhd) timescale = view.getUint32(mdhd + (view.getUint8(mdhd) === 1 ? 20 : 12));
    const tfdt = find(view, ["moof", "traf", "tfdt"]);
    if (tfdt) return (view.getUint8(tfdt) === 1 ? Number(view.getBigUint64(tfdt + 4)) : view.getUint32(tfdt + 4)) / timescale + offset;
  }
  throw new Error("no sound was appended");
}

/** Where the content of a box begins; null when there is none. */
function find(view, [name, ...inner], start = 0, end = view.byteLength) {
  for (let at = start; at + 8 <= end; ) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...new Uint8Array(view.buffer, at + 4, 4));
    if (type === name) return inner.length ? find(view, inner, at + 8, at + size) : at + 8;
    if (size < 8) return null;
    at += size;
  }
  return null;
}
