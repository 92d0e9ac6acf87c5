// Opens a manifest with one of the players, told to take one rung and to buffer all of it; keeps what they complain of.
"use strict";

const video = document.getElementById("video");
const complaints = []; // errors of the player or of the browser, in words
const PLENTY = 3600; // seconds of buffer

video.addEventListener("error", () => complaints.push(`video: ${video.error.code} ${video.error.message}`));

/** `rung`: its height. `alternate`: another rung for each segment. Returns the heights there are. */
async function openHls(url, { rung = null, alternate = false } = {}) {
  const hls = new Hls({
    ...(alternate && { abrController: EveryRungInTurn }),
    maxBufferLength: PLENTY,
    maxMaxBufferLength: PLENTY,
    maxBufferSize: 1e9,
    backBufferLength: Infinity,
    startPosition: 0,
  });
  hls.on(Hls.Events.ERROR, (_, { details, error, buffer }) => {
    if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) hitches.push({ type: details, at: video.currentTime, ahead: buffer });
    else complaints.push(`hls.js: ${details} ${error?.message ?? ""}`);
  });
  const parsed = new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
  hls.loadSource(url);
  await parsed;
  const heights = hls.levels.map((level) => level.height);
  if (rung !== null) hls.startLevel = heights.indexOf(rung);
  if (rung !== null && !alternate) hls.loadLevel = heights.indexOf(rung);
  hls.attachMedia(video);
  return heights;
}

class EveryRungInTurn extends Hls.DefaultConfig.abrController {
  constructor(hls) {
    super(hls);
    this.loaded = 0;
    hls.on(Hls.Events.FRAG_LOADED, (_, { frag }) => (this.loaded += frag.type === "main" && frag.sn !== "initSegment" ? 1 : 0));
  }
  get nextAutoLevel() {
    return this.loaded % this.hls.levels.length;
  }
  set nextAutoLevel(level) {}
}

async function openShaka(url, { rung = null, alternate = false } = {}) {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(video);
  player.addEventListener("error", (event) => complaints.push(`shaka: ${event.detail.code} ${event.detail.message}`));
  player.configure({
    abr: { enabled: false, defaultBandwidthEstimate: rung === null ? 1e9 : 1 },
    streaming: { bufferingGoal: PLENTY, rebufferingGoal: 0.01, bufferBehind: PLENTY, stallEnabled: false },
  });
  window.shakaPlayer = player;
  let appendedSoFar = 0;
  player.addEventListener("segmentappended", (event) => {
    if (!alternate || event.contentType !== "video") return;
    appendedSoFar += 1;
    const sorted = player.getVariantTracks().sort((a, b) => a.height - b.height);
    player.selectVariantTrack(sorted[appendedSoFar % sorted.length]);
  });
  await player.load(url);
  const tracks = player.getVariantTracks();
  if (rung !== null) player.selectVariantTrack(tracks.find((track) => track.height === rung), true);
  return tracks.map((track) => track.height).sort((a, b) => a - b);
}

async function openDashjs(url) {
  const player = dashjs.MediaPlayer().create();
  player.updateSettings({
    debug: { logLevel: 0 },
    streaming: {
      abr: { autoSwitchBitrate: { video: false } },
      buffer: { bufferTimeAtTopQuality: PLENTY, bufferTimeAtTopQualityLongForm: PLENTY, bufferTimeDefault: PLENTY, bufferToKeep: PLENTY },
      gaps: { jumpGaps: false },
    },
  });
  player.on("error", (event) => complaints.push(`dash.js: ${event.error?.code} ${event.error?.message}`));
  const loaded = new Promise((resolve) => player.on("streamInitialized", resolve));
  player.initialize(video, url, false);
  await loaded;
  return player.getRepresentationsByType("video").map((each) => each.height).sort((a, b) => a - b);
}

function quirks() {
  const stats = window.shakaPlayer?.getStats();
  return { complaints, gapsJumped: stats?.gapsJumped ?? 0 };
}
