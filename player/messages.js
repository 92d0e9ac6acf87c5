// What the page says in words.

const box = document.getElementById("message");
const work = document.getElementById("work");

/** Says it over the picture; nothing takes it away. */
export function say(title = "", detail = "") {
  box.replaceChildren(...[title, detail].filter(Boolean).map((text) => element("p", text)));
  box.hidden = !title;
}

/** Asks for an access token, and passes it on. */
export function askForToken(reason, use) {
  say(reason);
  const form = element("form");
  const label = element("label", "Access token, if it is private: ");
  const field = Object.assign(element("input"), { type: "password", name: "token", autocomplete: "off", required: true });
  label.append(field);
  form.append(label, Object.assign(element("button", "Watch"), { type: "submit" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say("Loading…");
    use(field.value.trim());
  });
  box.append(form);
  field.focus();
}

/** Under the picture: a bar for each rendition until all are there, why the rest will not come, or what is damaged. */
export function showWork({ state, reason, damage, renditions = [] }) {
  const words = {
    planned: "Being prepared",
    playable: "More is being prepared while you watch",
    ready: damage?.message,
    failed: `The rest could not be processed: ${reason}`,
  }[state];
  work.hidden = !words;
  if (words) work.replaceChildren(element("p", words), ...(state === "failed" || state === "ready" ? [] : renditions.map(bar)));
}

function bar({ name, encoded, total }) {
  const label = element("label", `${name} `);
  label.append(Object.assign(element("progress"), { value: encoded, max: total }), ` ${encoded}/${total}`);
  return label;
}

function element(name, text = "") {
  return Object.assign(document.createElement(name), { textContent: text });
}
