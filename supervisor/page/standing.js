// How the service stands: whether all is well, what ails it, its children, and what the policies think.

import { keep, make, set, the, write } from "./dom.js";
import { clock, readable, timeOfDay } from "./figures.js";
import { count, language, name, say } from "./words.js";

/** States in which nobody but a person can help. */
const WANTS_A_PERSON = ["gpu_lost", "driver_does_not_let_go", "cannot_be_killed", "gave_up"];
/** States in which the work waits for something. */
const WAITS = ["paused", "waiting_for_memory"];
/** What the sign in the tab's title is, for each tone. */
const SIGNS = { ok: "✓", wait: "…", warn: "!", bad: "✕" };

/**
 * What to think of it all: { word, tone }; the tone is `ok`, `wait`, `warn` or `bad`. Pure.
 *
 * @param {string} ended how the service ended, as it said itself; that holds until one answers again.
 */
export function judge(link, status, ended = "") {
  if (link === "key") return { word: "verdict.key", tone: "wait" };
  if (ended === "stopped") return { word: "verdict.over", tone: "warn" };
  if (ended) return { word: "verdict.person", tone: "bad" };
  if (link === "lost") return { word: "verdict.lost", tone: "bad" };
  if (status === null) return { word: "verdict.asking", tone: "wait" };
  if (WANTS_A_PERSON.includes(status.state)) return { word: "verdict.person", tone: "bad" };
  if (status.health.some((one) => one.stops) && !status.ready) return { word: "verdict.stopped", tone: "bad" };
  if (WAITS.includes(status.state)) return { word: "verdict.waits", tone: "warn" };
  if (!status.ready) return { word: "verdict.prepares", tone: "wait" };
  if (status.health.length) return { word: "verdict.ails", tone: "warn" };
  return { word: "verdict.speaks", tone: "ok" };
}

export class Standing {
  draw(model) {
    const { word, tone } = judge(model.link, model.status, model.ended);
    set(the("verdict"), "data-tone", tone);
    write(the("verdict-words"), say(word));
    write(the("verdict-why"), why(model));
    document.title = `${SIGNS[tone]} tts-supervisor`;
    const { status } = model;
    if (status === null) return;
    keep(the("ails"), status.health, (one) => one.kind + one.since, makeAil, updateAil);
    this.drawChildren(model);
    this.drawPolicies(hasChild(status) ? status.policies : []);
    write(the("totals"), totals(status));
  }

  drawChildren(model) {
    const { status } = model;
    const older_s = model.link === "open" ? Math.max(0, model.now_s() - model.status_at_s) : 0;
    const children = status.children.length ? status.children : [status.child];
    const rows = children.map((child) => ({ child, older_s, waiting: status.queue, single: children.length === 1 }));
    keep(the("children"), rows, ({ child }) => children.indexOf(child), makeChild, updateChild);
  }

  drawPolicies(policies) {
    // One that keeps, and has not even figures yet, thinks nothing.
    const thoughts = policies.filter((one) => one.says !== "keep" || one.why);
    keep(the("policies"), thoughts, (one) => one.policy + one.why.split(":")[0], makePolicy, updatePolicy);
    set(the("policies-none"), "hidden", thoughts.length > 0);
  }
}

/** Whether there is a child now. Pure. */
export function hasChild(status) {
  return status.child !== null || status.children.length > 0;
}

/** The line below the verdict. Pure. */
export function why(model) {
  const ended = model.ended && model.ended !== "stopped" ? name("ended", model.ended) : "";
  if (model.link === "lost") return ended ? say("lost.ended", { ended, words: whyLost(model) }) : whyLost(model);
  if (model.link === "key") return model.keyWasWrong ? say("key.wrong") : "";
  if (model.link === "over") return ended;
  return model.status === null ? "" : now(model);
}

function whyLost(model) {
  const seconds = Math.ceil(model.again_s);
  const words = model.status ? say("lost.again", { seconds, time: timeOfDay(model.heard_s) }) : say("lost.never", { seconds });
  return model.lost_why ? say("lost.why", { words, why: model.lost_why }) : words;
}

function now({ status, jobs }) {
  const state = name("state", status.state);
  if (status.job === null || !status.job.segments) return status.why ? `${state}: ${status.why}` : state;
  const percent = `${Math.floor((100 * status.job.segment) / status.job.segments)} %`;
  const about = { state, name: readable(jobs.get(status.job.job)?.name || status.job.job), percent };
  const eta_s = status.job.eta_seconds;
  const words = eta_s === null ? say("state.job.begun", about) : say("state.job", { ...about, left: clock(eta_s) });
  return status.why ? `${words} (${status.why})` : words;
}

function makeAil() {
  const words = () => make("p", {}, make("span", { lang: "en" }));
  return make("li", {}, make("h3"), words(), words(), make("p", { class: "note" }));
}

function updateAil(row, ail) {
  const [title, seen, mend, since] = row.children;
  set(row, "data-stops", ail.stops);
  write(title, name("ail", ail.kind));
  write(seen.firstElementChild, ail.words);
  write(mend.firstElementChild, say("ails.mend", { mend: ail.mend }));
  write(since, say("ails.since", { time: timeOfDay(Date.parse(ail.since) / 1000) }));
}

/** What is told of a child: the word for it, and how it is read from a row. */
const FACTS = [
  ["child.life", ({ child }) => say("child.life.is", { life: child.life, state: name("slot", child.state) })],
  ["child.pid", ({ child }) => (child.pid === null ? name("slot", "") : String(child.pid))],
  ["child.device", ({ child }) => child.device],
  ["child.age", ({ child, older_s }) => clock(child.age_s + older_s)],
  ["child.segments", ({ child }) => count("segments", child.segments)],
];
const QUEUE = ["child.waiting", ({ waiting }) => (waiting ? count("waiting", waiting) : say("child.queue.none"))];

function makeChild() {
  return make("li", {}, make("dl", { class: "facts" }));
}

function updateChild(row, of) {
  const none = ["child.life", () => say("child.none")];
  const facts = [...(of.child === null ? [none] : FACTS), ...(of.single ? [QUEUE] : [])];
  set(row, "data-ready", of.child?.ready ?? false);
  keep(row.firstElementChild, facts, ([word]) => word, () => make("div", {}, make("dt"), make("dd")), (pair, [word, read]) => {
    write(pair.firstElementChild, say(word));
    write(pair.lastElementChild, read(of));
  });
}

function makePolicy() {
  return make("li", {}, make("span", { class: "title" }), make("span", { class: "chip" }), make("span", { class: "why", lang: "en" }));
}

function updatePolicy(row, thought) {
  const [policy, says, words] = row.children;
  set(row, "data-says", thought.says);
  write(policy, name("policy", thought.policy));
  write(says, name("says", thought.says));
  write(words, thought.why);
}

function totals(status) {
  const { totals: of } = status;
  return say("totals", {
    pid: status.pid,
    since: new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(status.since)),
    segments: count("segments", of.segments),
    audio: clock(of.audio_seconds),
    recycles: count("recycles", of.recycles),
    deaths: count("deaths", of.deaths),
    cleans: count("cleans", of.cleans),
  });
}
