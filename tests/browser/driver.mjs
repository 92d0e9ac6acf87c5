// Drives Chromium for the tests: one JSON command a line on stdin, one JSON answer a line on stdout.
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox", // tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
  ],
});
const pages = [];

const commands = {
  async open({ url, width = 1280, height = 800 }) {
    const context = await browser.newContext({ viewport: { width, height } });
    const page = await context.newPage();
    const seen = { errors: [], requests: [], texts: {} };
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
    page.on("request", (request) => seen.requests.push(request.url()));
    page.on("response", async (response) => {
      if (!response.url().includes(".m3u8")) return;
      const text = await response.text().catch(() => "");
      (seen.texts[new URL(response.url()).pathname] ??= []).push(text);
    });
    await page.goto(url);
    return pages.push({ page, seen }) - 1;
  },
  async call({ id, name, args, timeout }) {
    const work = pages[id].page.evaluate(([name, args]) => globalThis[name](...args), [name, args]);
    return await within(timeout, work, `${name} took longer than ${timeout} s`);
  },
  evaluate: async ({ id, code }) => (await pages[id].page.evaluate(code)) ?? null,
  async wait({ id, code, timeout }) {
    // Asked from outside: a page with a strict security policy evaluates no text by itself.
    const deadline = Date.now() + 1000 * timeout;
    while (!(await pages[id].page.evaluate(code))) {
      if (Date.now() > deadline) throw new Error(`not within ${timeout} s: ${code}`);
      await setTimeout(50);
    }
  },
  hover: async ({ id, selector, x, y }) => await pages[id].page.hover(selector, { position: { x, y } }),
  choose: async ({ id, selector, label }) => await pages[id].page.selectOption(selector, { label }),
  reload: async ({ id }) => void (await pages[id].page.reload()),
  press: async ({ id, keys }) => await pages[id].page.keyboard.press(keys),
  fill: async ({ id, selector, text }) => await pages[id].page.fill(selector, text),
  screenshot: async ({ id, path }) => void (await pages[id].page.screenshot({ path })),
  seen: async ({ id }) => pages[id].seen,
  close: async ({ id }) => await pages[id].page.context().close(),
};

async function within(seconds, work, message) {
  const over = new AbortController();
  const late = setTimeout(1000 * seconds, null, { signal: over.signal }).then(() => {
    throw new Error(message);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { command, ...parameters } = JSON.parse(line);
    answer = { value: (await commands[command](parameters)) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
