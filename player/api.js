// What the page asks the platform, and nothing else.

/** The platform said no, in words. */
export class Refused extends Error {}

/** The platform, which may lie under a path of its origin: this file is <platform>/player/api.js. */
export const platform = new URL("..", import.meta.url);
export const api = (id, more = "") => new URL(`api/videos/${encodeURIComponent(id)}${more}`, platform).href;
export const manifest = (id, name) => api(id, `/manifest/${name}`);
export const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

export async function getVideo(id, token) {
  const answer = await fetch(api(id), { headers: bearer(token) });
  if (answer.ok) return answer.json();
  if (answer.status === 401) throw new Refused("The token is not valid, or no longer.");
  if (answer.status === 404) throw new Refused(token ? "There is no such video that this token may watch." : "There is no such video, or it is private.");
  throw new Error(`status ${answer.status}`);
}

/** ?token=… is taken out of the address bar, so that it is not passed on with the link; it lasts as long as the tab. */
export function keptToken(id) {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given) {
    keepToken(id, given);
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }
  return sessionStorage.getItem(`token ${id}`);
}

export function keepToken(id, token) {
  sessionStorage.setItem(`token ${id}`, token);
}
