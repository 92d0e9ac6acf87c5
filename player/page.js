// The page of one video: shows how far it is, and plays it as soon as there is something to play.
import { Refused, getVideo, keptToken, keepToken } from "./api.js";
import { Controls } from "./controls.js";
import { Engine } from "./engine.js";
import { askForToken, say, showWork } from "./messages.js";
import { follow } from "./status.js";
import { loadStoryboard } from "./storyboard.js";

const id = location.pathname.split("/").filter(Boolean).at(-1);
const video = document.getElementById("video");
const controls = new Controls(video);
let engine = null;

async function open(token) {
  setState("loading");
  try {
    describe(await getVideo(id, token));
  } catch (error) {
    if (!(error instanceof Refused)) return fail("The platform does not answer.", "Is it up? Reload this page to try again.");
    setState("refused");
    return askForToken(error.message, (given) => {
      keepToken(id, given);
      open(given);
    });
  }
  follow(id, token, (status) => show(status, token), fail);
}

function describe(about) {
  document.title = `${about.title} · Wadi`;
  document.getElementById("title").textContent = about.title;
  document.getElementById("description").textContent = about.description;
  if (about.poster_url) video.poster = about.poster_url;
  if (about.width) document.getElementById("player").style.aspectRatio = `${about.width} / ${about.height}`;
  if (about.duration_s) controls.knownLength(about.duration_s);
  controls.chapters = about.chapters ?? [];
}

async function show(status, token) {
  const before = document.body.dataset.state;
  setState(status.state);
  if (status.state === "failed" && !engine) return fail("This video could not be processed.", status.reason ?? "");
  showWork(status);
  if (status.state === "playable" || status.state === "ready") {
    start(token);
    if (before !== status.state) await refresh(status, token);
  } else if (!engine) {
    say({ uploading: "The upload goes on…", uploaded: "Uploaded. Looking at the file…", planned: "Preparing the first seconds…" }[status.state] ?? status.state);
  }
}

/** What is known only now: length and pictures; when all is there, every quality. */
async function refresh(status, token) {
  const about = await getVideo(id, token).catch(() => null);
  if (!about) return;
  describe(about);
  if (about.storyboard_url) controls.storyboard = await loadStoryboard(id, token);
  const rungs = status.renditions.filter((each) => !each.name.startsWith("audio")).length;
  if (status.state === "ready") engine?.upgrade(rungs);
}

function start(token) {
  if (engine) return;
  engine = new Engine(video, id, token);
  engine.onQualities = (list, pick) => controls.offerQualities(list, pick);
  engine.onFatal = (reason) => fail("This video cannot be played.", reason);
  say("Starting…");
  video.addEventListener("loadeddata", () => (say(), controls.show()), { once: true });
  engine.start();
}

function fail(title, reason) {
  setState("failed");
  showWork({});
  say(title, reason);
}

function setState(state) {
  document.body.dataset.state = state;
}

open(keptToken(id));
