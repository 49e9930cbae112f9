// The service: its methods, and the stream of what happens. The key stays in this module's memory.

/** What could not be done, in the service's own words. */
export class Refused extends Error {
  constructor(message, { status = 0, kind = "" } = {}) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {}

/** A key is wanted; `wasGiven` says whether the one that was sent is wrong. */
export class KeyWanted extends Error {
  constructor(wasGiven) {
    super("a key is wanted");
    this.wasGiven = wasGiven;
  }
}

/** Between two tries to come back, in milliseconds: soon at first, for a service that is started again. */
const RETRIES_MS = [500, 1000, 2000, 4000, 8000];

/** The stream says something at least this often; a line that says nothing for longer is dead. */
const SILENCE_MS = 20_000;

let key = "";
let number = 0;

/** Take the key of the service. It is kept nowhere but here. */
export function useKey(given) {
  key = given;
}

/** Ask for a path; whatever is no success is thrown. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key) headers.authorization = `Bearer ${key}`;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unreachable(error.message);
  }
  if (answer.status === 401) throw new KeyWanted(key !== "");
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer) {
  let said = {};
  try {
    said = (await answer.json()).error ?? {};
  } catch {
    // Not ours, or cut off: the status alone has to do.
  }
  return new Refused(said.message ?? `HTTP ${answer.status}`, { status: answer.status, kind: said.code ?? "" });
}

/** Send JSON to a path. */
export function post(path, content, signal) {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(content), signal });
}

/** Ask a method of the protocol, and return its result. */
export async function call(method, params = {}) {
  number += 1;
  const answer = await post("/rpc", { jsonrpc: "2.0", id: number, method, params });
  const said = await answer.json();
  if (said.error) throw new Refused(said.error.message, { kind: said.error.data?.kind ?? "" });
  return said.result;
}

/**
 * Follow the stream of what happens, for ever.
 *
 * @param {object} told `event(name, content)` for each event, `back()` when the stream is open,
 *   `lost(seconds, why)` when it is not and is tried again in so long, `keyWanted(wasGiven)` when it needs a key:
 *   a promise of the next moment to try.
 */
export async function follow(told) {
  let tries = 0;
  for (;;) {
    let why = "";
    try {
      await listen(told, () => {
        tries = 0;
        told.back();
      });
    } catch (error) {
      if (error instanceof KeyWanted) {
        await told.keyWanted(error.wasGiven);
        continue;
      }
      if (error instanceof Refused) why = error.message;
    }
    const wait_ms = RETRIES_MS[Math.min(tries, RETRIES_MS.length - 1)];
    tries += 1;
    told.lost(wait_ms / 1000, why);
    await soonOrOnline(wait_ms);
  }
}

function soonOrOnline(wait_ms) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      document.removeEventListener("visibilitychange", seen);
      resolve();
    };
    const seen = () => document.visibilityState === "visible" && go();
    const timer = setTimeout(go, wait_ms);
    addEventListener("online", go);
    document.addEventListener("visibilitychange", seen);
  });
}

async function listen(told, opened) {
  const stop = new AbortController();
  let watch = setTimeout(() => stop.abort(), SILENCE_MS);
  try {
    const answer = await ask("/api/events", { signal: stop.signal, headers: { accept: "text/event-stream" } });
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events(told.event);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watch);
      watch = setTimeout(() => stop.abort(), SILENCE_MS);
      events.take(value);
    }
  } finally {
    clearTimeout(watch);
    stop.abort();
  }
}

/** Takes the text of server-sent events in pieces, and tells each event once it is whole. */
export class Events {
  constructor(told) {
    this.told = told;
    this.rest = "";
    this.name = "message";
    this.lines = [];
  }

  take(text) {
    const lines = (this.rest + text).split(/\r\n|\n/);
    this.rest = lines.pop();
    for (const line of lines) this.line(line);
  }

  line(line) {
    if (line === "") {
      if (this.lines.length) this.told(this.name, JSON.parse(this.lines.join("\n")));
      this.name = "message";
      this.lines = [];
      return;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (field === "event") this.name = value;
    else if (field === "data") this.lines.push(value);
  }
}
