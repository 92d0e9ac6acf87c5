// The buttons, the seek bar and the keyboard.
import { clock } from "./clock.js";

const $ = (id) => document.getElementById(id);

export class Controls {
  storyboard = null;
  chapters = [];
  #length = 0;
  #woken = false;

  constructor(video) {
    this.video = video;
    this.player = $("player");
    this.#listen();
  }

  show() {
    $("controls").hidden = false;
    this.#draw();
  }

  /** Of the whole video, which a playlist that still grows does not tell. */
  knownLength(seconds) {
    this.#length = seconds;
    this.#draw();
  }

  offerQualities(list, pick) {
    const options = list.map(({ index, name }) => new Option(name, index)).reverse();
    $("quality").replaceChildren(new Option("Auto", -1), ...options);
    $("quality").onchange = (event) => pick(Number(event.target.value));
    $("qualities").hidden = list.length < 2;
  }

  #listen() {
    const video = this.video;
    for (const event of ["timeupdate", "progress", "durationchange", "play", "pause", "volumechange", "seeking", "ended"]) video.addEventListener(event, () => this.#draw());
    video.addEventListener("click", () => this.#woken || this.toggle());
    video.addEventListener("waiting", () => this.player.classList.add("waiting"));
    for (const event of ["playing", "canplay", "pause", "ended"]) video.addEventListener(event, () => this.player.classList.remove("waiting"));
    $("play").onclick = () => this.toggle();
    $("mute").onclick = () => (video.muted = !video.muted);
    $("volume").oninput = (event) => this.#setVolume(event.target.valueAsNumber);
    $("speed").onchange = (event) => (video.playbackRate = Number(event.target.value));
    $("full").onclick = () => this.#fullScreen();
    $("seek").oninput = (event) => this.#seek(event.target.valueAsNumber);
    $("seek").onpointermove = (event) => this.#preview(event);
    $("seek").onpointerleave = () => ($("preview").hidden = true);
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#hideWhenIdle();
  }

  toggle() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  get #reachable() {
    const { seekable } = this.video;
    return seekable.length ? seekable.end(seekable.length - 1) : 0;
  }

  #seek(seconds) {
    this.video.currentTime = Math.max(0, Math.min(seconds, this.#reachable));
  }

  #setVolume(volume) {
    this.video.volume = Math.max(0, Math.min(1, volume));
    this.video.muted = this.video.volume === 0;
  }

  #fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.player.requestFullscreen) this.player.requestFullscreen();
    else this.video.webkitEnterFullscreen?.();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || $("controls").hidden) return;
    const { tagName, id } = event.target;
    if (tagName === "SELECT" || (tagName === "INPUT" && id !== "seek" && id !== "volume")) return;
    if (event.key === " " && tagName === "BUTTON") return; // presses the button
    const { video } = this;
    const keys = {
      " ": () => this.toggle(),
      k: () => this.toggle(),
      m: () => (video.muted = !video.muted),
      f: () => this.#fullScreen(),
      ArrowLeft: () => this.#seek(video.currentTime - 5),
      ArrowRight: () => this.#seek(video.currentTime + 5),
      ArrowUp: () => this.#setVolume(video.volume + 0.05),
      ArrowDown: () => this.#setVolume(video.volume - 0.05),
      Home: () => this.#seek(0),
      End: () => this.#seek(this.#reachable),
    };
    const act = /^[0-9]$/.test(event.key) ? () => this.#seek((this.#total * Number(event.key)) / 10) : keys[event.key];
    if (!act) return;
    if (id === "volume" && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    act();
  }

  get #total() {
    return this.#length || (Number.isFinite(this.video.duration) ? this.video.duration : 0);
  }

  #draw() {
    const { video } = this;
    const total = this.#total;
    this.player.classList.toggle("paused", video.paused);
    this.player.classList.toggle("muted", video.muted);
    $("play").ariaLabel = video.paused ? "Play" : "Pause";
    $("mute").ariaLabel = video.muted ? "Turn the sound on" : "Mute";
    $("volume").value = video.muted ? 0 : video.volume;
    $("now").textContent = clock(video.currentTime);
    $("length").textContent = clock(total);
    const seek = $("seek");
    seek.max = total;
    seek.value = video.currentTime;
    seek.ariaValueText = `${clock(video.currentTime)} of ${clock(total)}`;
    const share = (seconds) => `${total ? (100 * seconds) / total : 0}%`;
    $("played").style.width = share(video.currentTime);
    const { buffered } = video;
    const current = [...Array(buffered.length).keys()].find((i) => buffered.start(i) <= video.currentTime + 0.1 && video.currentTime <= buffered.end(i));
    $("buffered").style.width = share(current === undefined ? 0 : buffered.end(current));
  }

  #preview(event) {
    const total = this.#total;
    const bar = $("seek").getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - bar.left) / bar.width));
    const box = $("preview");
    box.hidden = !total;
    const chapter = this.chapters.find(({ start_s, end_s }) => start_s <= share * total && share * total < end_s);
    box.querySelector("span").textContent = [clock(share * total), chapter?.title].filter(Boolean).join(" · ");
    const tile = this.storyboard?.at(share * total);
    const picture = box.querySelector(".picture");
    picture.hidden = !tile;
    if (tile) Object.assign(picture.style, { width: `${tile.width}px`, height: `${tile.height}px`, backgroundImage: `url("${tile.url}")`, backgroundPosition: `-${tile.x}px -${tile.y}px` });
    const half = box.offsetWidth / 2;
    box.style.left = `${Math.max(half, Math.min(bar.width - half, share * bar.width))}px`;
  }

  #hideWhenIdle() {
    let timer;
    const wake = (event) => {
      // On a touch screen the first tap only brings the buttons back.
      if (event.type === "pointerdown") this.#woken = event.pointerType === "touch" && this.player.classList.contains("idle");
      this.player.classList.remove("idle");
      clearTimeout(timer);
      timer = setTimeout(() => this.player.classList.toggle("idle", !this.video.paused && !this.player.querySelector("#controls :focus-visible")), 2500);
    };
    for (const event of ["pointermove", "pointerdown", "focusin"]) this.player.addEventListener(event, wake);
    document.addEventListener("keydown", wake);
    this.video.addEventListener("play", wake);
    this.video.addEventListener("pause", wake);
  }
}
