// Small pictures over the timeline, from WebVTT: each span names a sheet and its place on it (#xywh=).
import { bearer, manifest } from "./api.js";

export async function loadStoryboard(id, token) {
  const answer = await fetch(manifest(id, "storyboard.vtt"), { headers: bearer(token) });
  return answer.ok ? new Storyboard(await answer.text(), answer.url) : null;
}

class Storyboard {
  constructor(text, base) {
    const cues = text.matchAll(/^(\S+) --> \S+\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/gm);
    this.tiles = [...cues].map(([, start, url, ...place]) => {
      const [x, y, width, height] = place.map(Number);
      return { start: seconds(start), url: new URL(url, base).href, x, y, width, height };
    });
  }

  at(time) {
    return this.tiles.findLast((tile) => tile.start <= time) ?? this.tiles[0];
  }
}

function seconds(clock) {
  return clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
}
