// Gets the media to the <video> element: by hls.js, or by the browser itself where it plays HLS and has no Media Source.
import Hls from "./vendor/hls-1.7.4.min.mjs";
import { manifest, platform } from "./api.js";

export class Engine {
  onQualities = () => {};
  onFatal = () => {};
  #hls = null;
  #recoveries = 0;

  constructor(video, id, token) {
    this.video = video;
    this.id = id;
    this.token = token;
    this.still = document.getElementById("still");
  }

  get url() {
    return manifest(this.id, "master.m3u8");
  }

  start(position = 0, { playing = true } = {}) {
    if (Hls.isSupported()) this.#startHls(position);
    else this.video.src = this.url + (this.token ? `?token=${encodeURIComponent(this.token)}` : "");
    if (playing) this.#play();
  }

  #startHls(position) {
    const hls = new Hls({
      startPosition: position, // a playlist that still grows is no live broadcast: it is watched from its beginning
      enableWorker: false, // nothing has to be repackaged, and a worker would need a blob in the page's security policy
      backBufferLength: 60,
      maxBufferLength: 60,
      detectStallWithCurrentTimeMs: 5000,
      xhrSetup: (request, url) => {
        const ours = new URL(url, location.href).href.startsWith(`${platform}api/`); // objects have URLs that are signed
        if (this.token && ours) request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      },
    });
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.onQualities(this.#qualities(), (level) => (hls.currentLevel = level)));
    hls.on(Hls.Events.ERROR, (_, error) => error.fatal && this.#recover(error));
    hls.loadSource(this.url);
    hls.attachMedia(this.video);
    this.#hls = hls;
  }

  #qualities() {
    return this.#hls.levels.map((level, index) => ({ index, name: `${Math.min(level.width, level.height)}p` }));
  }

  /** While the video is being processed its master playlist names only the first rungs: take the whole one when it is there. */
  upgrade(rungs) {
    if (!this.#hls || this.#hls.levels.length >= rungs) return;
    const { currentTime, paused, playbackRate, ended } = this.video;
    if (ended) return;
    this.#keepPicture();
    this.#hls.destroy();
    this.#startHls(currentTime);
    this.video.playbackRate = playbackRate;
    if (!paused) this.#play();
  }

  /** Shows the last picture until the next is there. */
  #keepPicture() {
    const { videoWidth, videoHeight } = this.video;
    Object.assign(this.still, { width: videoWidth, height: videoHeight, hidden: false });
    this.still.getContext("2d").drawImage(this.video, 0, 0);
    this.video.requestVideoFrameCallback?.(() => (this.still.hidden = true));
    this.video.addEventListener("playing", () => (this.still.hidden = true), { once: true });
  }

  async #play() {
    const video = this.video;
    try {
      await video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError" || video.muted) return;
      video.muted = true; // browsers let a page start by itself only in silence
      const unmute = document.getElementById("unmute");
      unmute.hidden = false;
      video.addEventListener("volumechange", () => (unmute.hidden = !video.muted));
      unmute.onclick = () => (video.muted = false);
      await video.play().catch(() => {});
    }
  }

  #recover(error) {
    this.#recoveries += 1;
    if (this.#recoveries > 3) return this.onFatal(`${error.details}${error.response ? `, status ${error.response.code}` : ""}`);
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) return this.#hls.recoverMediaError();
    // Signed addresses grow old, and a server may be away for a moment: begin again, where we are, with a new playlist.
    const { currentTime } = this.video;
    this.#hls.destroy();
    setTimeout(() => this.start(currentTime), 1000 * this.#recoveries);
  }
}
