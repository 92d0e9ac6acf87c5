// How far the video is, as it changes.

import { api } from "./api.js";

const AGAIN = 2000; // milliseconds until the next try, when the connection was refused

/** Calls `show` with each status until the last one; `fail` when the platform no longer tells. */
export function follow(id, token, show, fail) {
  const query = token ? `?token=${encodeURIComponent(token)}` : "";
  const stream = new EventSource(api(id, `/status/stream${query}`));
  stream.addEventListener("status", (event) => {
    const status = JSON.parse(event.data);
    if (status.stage === "indexed" || status.stage === "failed") stream.close();
    show(status);
  });
  stream.addEventListener("error", () => {
    // A broken connection is taken up again by the browser itself; a refused one is left to us.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => follow(id, token, show, fail), AGAIN);
  });
}
