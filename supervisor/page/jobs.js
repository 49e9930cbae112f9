// The jobs: how far each is, and what can be done about it. Their texts are never shown.

import { keep, make, onPress, set, the, write } from "./dom.js";
import { clock, readable } from "./figures.js";
import { sorry } from "./sorry.js";
import { ask, call } from "./service.js";
import { count, name, say } from "./words.js";

/** Jobs that are shown before somebody asks for more, and with each asking. */
const SHOWN = 12;

/** What may be done about a job in each state. */
const ACTS = {
  queued: ["pause", "cancel"],
  running: ["pause", "cancel"],
  parked: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry"],
  cancelled: ["retry"],
  done: [],
};

/** What may be done about a job, in the order of its buttons. Pure. */
export function actsOf(job) {
  const acts = [...(ACTS[job.state] ?? [])];
  if (job.state === "done" && job.failed) acts.push("retry");
  if (job.is_audible || job.done) acts.push("listen"); // where nobody may, pressing it says why, and the mend
  return acts;
}

export class Jobs {
  constructor(model, redraw) {
    this.model = model;
    this.redraw = redraw;
    this.shown = SHOWN;
    this.opened = new Map(); // by job: the players that are shown, and why a job failed
    onPress(the("jobs-more"), async () => {
      this.shown += SHOWN;
      if (model.hasOlder) await this.fetchOlder();
      redraw();
    });
  }

  /** Ask for all of them, since the latest alone are told: page by page, the oldest first. */
  async fetchOlder() {
    try {
      const views = [];
      for (let page = await call("jobs/list"); page.length; page = await call("jobs/list", { after: page.at(-1).job })) {
        views.push(...page);
      }
      this.model.takeList(views);
    } catch (error) {
      write(the("jobs-said"), sorry(error));
    }
  }

  /** All is told anew: older jobs that were asked for may have moved meanwhile. */
  async refresh() {
    if (!this.model.isWhole) return;
    await this.fetchOlder();
    this.redraw();
  }

  draw() {
    const jobs = this.model.everyJob;
    const order = inOrder(jobs);
    keep(the("jobs"), order.slice(0, this.shown), (job) => job.job, () => this.makeRow(), (row, job) => this.update(row, job));
    set(the("jobs-more"), "hidden", jobs.length <= this.shown && !this.model.hasOlder);
    set(the("jobs-none"), "hidden", jobs.length > 0);
    write(the("jobs-count"), jobs.length ? heading(jobs, this.model.hasOlder) : "");
  }

  makeRow() {
    const row = make("li", { tabindex: "-1" },
      make("div", { class: "line" }, make("h3"), make("span", { class: "chip" })),
      make("progress"),
      make("p", { class: "figures" }),
      make("p", { class: "trouble", lang: "en", hidden: true }),
      make("div", { class: "acts" }),
      make("p", { class: "said", role: "status", "data-tone": "warn" }),
      make("div", { class: "players" }));
    return row;
  }

  update(row, job) {
    const [line, bar, figures, , acts] = row.children;
    row.job = job;
    set(row, "data-state", job.state);
    write(line.firstElementChild, nameOf(job));
    set(line.firstElementChild, "title", job.job);
    write(line.lastElementChild, name("job", job.state));
    set(bar, "max", job.segments || null);
    set(bar, "value", job.segments ? job.done + job.failed : null);
    set(bar, "hidden", job.state === "done" && !job.failed);
    set(bar, "aria-label", say("jobs.progress", { name: nameOf(job) }));
    write(figures, figuresOf(job));
    this.drawTrouble(row, job);
    const hadFocus = acts.contains(document.activeElement);
    keep(acts, this.actsOf(job), (act) => act, (act) => this.makeAct(row, act), (button, act) => updateAct(button, act, job));
    // Who stood on a button that is gone, the job being in another state, goes on from what is there now.
    if (hadFocus && !acts.contains(document.activeElement)) (acts.firstElementChild ?? row).focus();
  }

  actsOf(job) {
    return actsOf(job).flatMap((act) => (act === "listen" && this.opened.has(job.job) ? ["close"] : [act]));
  }

  // ---------------------------------------------------------------- acting

  makeAct(row, act) {
    const button = make("button", { type: "button", "data-act": act }, make("span"));
    onPress(button, () => this.act(row, act));
    return button;
  }

  async act(row, act) {
    const { job } = row;
    const sorrow = row.querySelector(".said");
    write(sorrow, "");
    try {
      if (act === "listen") await this.listen(row);
      else if (act === "close") this.close(row);
      else {
        const view = await call(`jobs/${act}`, { job: job.job });
        write(the("jobs-said"), say("job.was", { name: nameOf(job), state: name("job", view.state) }));
      }
    } catch (error) {
      write(sorrow, say("job.not", { act: say(`job.${act}`), name: nameOf(job), why: sorry(error) }));
    }
    this.draw();
  }

  /** Why a job came to grief is not in the stream, which everybody reads at once; it is asked for. */
  async drawTrouble(row, job) {
    const place = row.children[3];
    set(place, "hidden", !job.has_error);
    const state = `${job.state} ${job.failed}`;
    if (!job.has_error || place.dataset.state === state) return;
    place.dataset.state = state;
    try {
      write(place, (await call("jobs/get", { job: job.job })).error ?? "");
    } catch (error) {
      delete place.dataset.state; // with the next change of the job
      write(place, sorry(error));
    }
  }

  // ---------------------------------------------------------------- listening

  async listen(row) {
    const { job } = row;
    const answer = await ask(`/api/jobs/${encodeURIComponent(job.job)}/listen`, { method: "POST" });
    const { parts, is_whole: isWhole, left_out: leftOut } = await answer.json();
    this.opened.set(job.job, parts);
    const players = parts.map((part) => player(job, part, isWhole));
    // A path leads nowhere after a while.
    for (const one of players) one.lastElementChild.addEventListener("error", () => write(row.querySelector(".said"), say("job.stale")));
    const more = leftOut ? [make("p", { class: "note" }, say("job.more", { n: leftOut }))] : [];
    row.lastElementChild.replaceChildren(...players, ...more);
  }

  close(row) {
    this.opened.delete(row.job.job);
    row.lastElementChild.replaceChildren();
  }
}

function nameOf(job) {
  return readable(job.name || job.job);
}

/** How many there are, and how many of them wait. Pure. */
export function heading(jobs, hasOlder) {
  const waiting = jobs.filter((job) => job.state === "queued").length;
  const all = count(hasOlder ? "latest" : "jobs", jobs.length);
  return waiting ? say("jobs.waiting", { all, waiting: count("queued", waiting) }) : all;
}

/** What is spoken, what stands, what waits as it will come, and then what is over, the latest first. Pure. */
export function inOrder(jobs) {
  const of = (...states) => jobs.filter((job) => states.includes(job.state));
  return [...of("running"), ...of("paused", "parked"), ...of("queued"), ...of("done", "failed", "cancelled").reverse()];
}

function figuresOf(job) {
  const { progress } = job;
  const moves = job.state === "running" && progress !== null;
  return [
    job.segments ? say("job.of", { done: job.done, segments: count("segments", job.segments) }) : null,
    job.failed ? count("failed", job.failed) : null,
    moves && progress.eta_seconds !== null ? say("job.left", { left: clock(progress.eta_seconds) }) : null,
    job.seconds ? say("job.audio", { audio: clock(job.seconds) }) : null,
    moves && progress.speed !== null ? say("job.speed", { speed: progress.speed.toFixed(1) }) : null,
  ].filter(Boolean).join(" · ");
}

function updateAct(button, act, job) {
  write(button.firstElementChild, say(`job.${act}`));
  set(button, "aria-label", say("job.act", { act: say(`job.${act}`), name: nameOf(job) }));
}

function player(job, part, isWhole) {
  const seconds = clock(part.seconds);
  const title = isWhole ? say("job.hear", { name: readable(part.name), seconds }) : say("job.part", { name: nameOf(job) });
  const audio = make("audio", { controls: true, preload: "metadata", src: part.url, "aria-label": title });
  return make("figure", {}, make("figcaption", {}, title), audio);
}
