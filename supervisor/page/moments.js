// What happened, in words, and the list of it.

import { keep, make, set, the, write } from "./dom.js";
import { size, tenths, timeOfDay } from "./figures.js";
import { count, name, say } from "./words.js";

/** Moments that are shown before somebody asks for all. */
const FEW = 6;
/** Waiting that is shorter than this shows as nothing. */
const LEAST_WAIT_S = 0.05;

/** A moment as { title, why, tone }: `why` is in the service's own words, and may be empty. */
export function told(moment) {
  switch (moment.kind) {
    case "began":
      return { title: say("moment.began", moment), why: moment.why, tone: "life" };
    case "ended":
      return { title: nameOfEnd(moment), why: whyOfEnd(moment), tone: isPlanned(moment) ? "life" : "bad" };
    case "decided":
      return { title: nameOfDecision(moment), why: moment.why, tone: toneOf(moment.action) };
    case "released":
      return { title: say("moment.released", moment), why: moment.why, tone: "warn" };
    case "gave_back":
      return { title: given(moment.what, moment), why: "", tone: moment.error ? "warn" : "ok" };
    default:
      return { title: moment.kind, why: moment.why ?? "", tone: "life" };
  }
}

/** What somebody's broom gave back, in words. */
export function given(what, answer) {
  if (answer.error) return say(`broom.${what}.not`, { why: answer.error });
  // A child holds something, always: there was none, and none was made.
  if (answer.before_bytes === 0 && answer.after_bytes === 0) return say(`broom.${what}.none`);
  const back = answer.before_bytes - answer.after_bytes;
  const waited = answer.waited_s >= LEAST_WAIT_S ? say("broom.waited", { waited: tenths(answer.waited_s) }) : "";
  return say(back > 0 ? "broom.back" : back < 0 ? "broom.more" : "broom.same", {
    what: say(`broom.${what}.done`),
    of: name("of", answer.of),
    amount: size(Math.abs(back)),
    before: size(answer.before_bytes),
    after: size(answer.after_bytes),
    took: tenths(answer.took_s),
    waited,
  });
}

/** Whether a life ended as it was meant to. */
export function isPlanned(moment) {
  return ["recycled", "finished"].includes(moment.ending);
}

function nameOfEnd(moment) {
  const known = name("moment", moment.ending).replace("{life}", moment.life);
  const title = known === moment.ending ? say("moment.ended", moment) : known;
  return say("moment.after", { title, segments: count("segments", moment.segments) });
}

function whyOfEnd(moment) {
  return isPlanned(moment) ? moment.why : [moment.how, moment.why].filter(Boolean).join("; ");
}

function nameOfDecision(moment) {
  if (moment.action === "flag") return name("decided", "flag"); // one policy alone does that
  return say("decided.by", { action: name("decided", moment.action), policy: name("policy", moment.policy) });
}

function toneOf(action) {
  return { kill: "bad", refuse: "bad", resume: "ok", clean: "ok" }[action] ?? "warn";
}

/** The list of what happened, the latest first. */
export class Moments {
  constructor() {
    this.isWhole = false;
    this.seen = [];
    the("moments-more").addEventListener("click", () => {
      this.isWhole = !this.isWhole;
      this.draw(this.seen);
    });
  }

  draw(moments) {
    this.seen = moments;
    const latest = moments.slice(this.isWhole ? 0 : -FEW).reverse();
    keep(the("moments"), latest, momentKey, makeMoment, updateMoment);
    set(the("moments-none"), "hidden", moments.length > 0);
    const more = the("moments-more");
    set(more, "hidden", moments.length <= FEW);
    write(more, this.isWhole ? say("moments.few") : say("moments.all", { n: moments.length }));
  }
}

/** What tells one moment from another. */
export function momentKey(moment) {
  return [moment.at, moment.kind, moment.life ?? moment.what, moment.action, moment.policy].join(" ");
}

function makeMoment() {
  return make("li", {}, make("time"), make("span", { class: "title" }), make("span", { class: "why", lang: "en" }));
}

function updateMoment(row, moment) {
  const { title, why, tone } = told(moment);
  const [time, ...words] = row.children;
  set(row, "data-tone", tone);
  set(time, "datetime", new Date(moment.at * 1000).toISOString());
  write(time, timeOfDay(moment.at));
  write(words[0], title);
  write(words[1], why);
}
