// Memory: which of it and how far back is looked at, its figures, the line, and the same as a table.

import { keep, make, set, the, write } from "./dom.js";
import { size, timeOfDay } from "./figures.js";
import { Line } from "./line.js";
import { told } from "./moments.js";
import { judged } from "./scale.js";
import { hasChild } from "./standing.js";
import { say } from "./words.js";

/** Seconds that may be looked at. */
const SPANS_S = [300, 900, 3600];
/** The least that the picture spans, for a service that has just begun. */
const LEAST_S = 60;
/** Rows of the table. */
const ROWS = 40;
/** The table is a picture of one moment, drawn anew so often while it is open. */
const TABLE_EVERY_MS = 10_000;

export class Memory {
  constructor(redraw) {
    this.side = null; // what is shown
    this.chosen = null; // what somebody asked to be shown
    this.span_s = SPANS_S.at(-1);
    this.line = new Line(the("chart"));
    this.redraw = redraw;
    this.table_at_ms = 0;
    this.makeSpans();
    the("figures").addEventListener("toggle", () => {
      this.table_at_ms = 0;
      redraw();
    });
  }

  makeSpans() {
    const choose = (span_s) => () => {
      this.span_s = span_s;
      this.table_at_ms = 0;
      this.redraw();
    };
    the("spans").append(...SPANS_S.map((one) => choice("span", one, one === this.span_s, choose(one))));
  }

  draw(model) {
    for (const label of the("spans").querySelectorAll("label")) {
      write(label.lastElementChild, say(`span.${label.dataset.key}`));
    }
    const all = [...model.series.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
    this.side = model.series.has(this.chosen) ? this.chosen : (all[0]?.[0] ?? null);
    this.drawSides(all);
    const series = model.series.get(this.side) ?? null;
    const view = { series, moments: model.moments, name: series && nameOf(series), ...this.span(model, series) };
    this.line.draw(view);
    this.drawNow(series, model.status === null || hasChild(model.status));
    this.drawTable(view);
  }

  /** From when to when: to now, or where nobody tells us any more, to what was last told. */
  span(model, series) {
    const last_s = series?.points.at(-1)?.[0] ?? model.now_s();
    const first_s = series?.points[0]?.[0] ?? last_s;
    const to_s = model.link === "open" ? Math.max(last_s, model.now_s()) : last_s;
    const wanted_s = Math.min(this.span_s, Math.max(LEAST_S, to_s - first_s));
    return { from_s: to_s - wanted_s, to_s };
  }

  drawSides(all) {
    const sides = the("sides");
    set(sides, "hidden", all.length < 2);
    const makeOne = ([key]) => choice("side", key, key === this.side, () => {
      this.chosen = key;
      this.table_at_ms = 0;
      this.redraw();
    });
    const [legend, ...rest] = sides.children;
    const keys = all.map(([key]) => key);
    if (rest.map((one) => one.dataset.key).join() !== keys.join()) sides.replaceChildren(legend, ...all.map(makeOne));
    [...sides.children].slice(1).forEach((label, at) => {
      label.firstElementChild.checked = keys[at] === this.side;
      write(label.lastElementChild, nameOf(all[at][1], all));
    });
  }

  drawNow(series, isHeld) {
    const point = series?.points.at(-1);
    set(the("memory-now"), "hidden", !point);
    set(the("legend"), "hidden", !point);
    if (!point) return;
    const { amount, words, tone } = headline(series, point, isHeld);
    const { soft, hard } = series.marks ?? {};
    set(the("memory-now"), "data-tone", tone);
    if (!the("memory-now").firstElementChild) the("memory-now").append(make("strong"), " ", make("span"));
    write(the("memory-now").firstElementChild, amount);
    write(the("memory-now").lastElementChild, words);
    const legend = [["ours", isHeld ? point[1] : null], ["others", point[2]], ["soft", soft], ["hard", hard]];
    const known = legend.filter(([, bytes]) => bytes !== null && bytes !== undefined);
    keep(the("legend"), known, ([kind]) => kind, makeLegend, updateLegend);
  }

  drawTable({ series, moments, name, from_s: from }) {
    const now_ms = Date.now();
    const isDue = now_ms - this.table_at_ms >= TABLE_EVERY_MS;
    if (!the("figures").open || series === null || !isDue) return;
    this.table_at_ms = now_ms;
    const { soft, hard } = series.marks ?? {};
    const facts = { name, soft: size(soft), hard: size(hard), total: size(series.total) };
    write(the("figures-caption"), say("figures.caption", facts));
    const heads = ["figures.time", "memory.ours", "memory.others", "figures.happened"];
    the("figures-head").replaceChildren(make("tr", {}, ...heads.map((one) => make("th", { scope: "col" }, say(one)))));
    the("figures-body").replaceChildren(...rows(series, moments, from).map(tableRow));
  }
}

/** What memory comes to now: { amount, words, tone }. Without a child the last reading tells nothing of one. Pure. */
export function headline(series, point, isHeld) {
  if (!isHeld) return { amount: "", words: say("memory.used.nobody"), tone: "ok" };
  const of = series.marks_of === "all" ? "memory.used.all" : "memory.used.child";
  const words = series.total ? say(of, { total: size(series.total) }) : say("memory.used.bare");
  const used = judged(series, point);
  const { soft, hard } = series.marks ?? {};
  return { amount: size(used), words, tone: hard && used >= hard ? "bad" : soft && used >= soft ? "warn" : "ok" };
}

/** Rows of the table, the latest first: points at even distances, each with what happened until the next. */
export function rows(series, moments, from_s) {
  const points = series.points.filter((point) => point[0] >= from_s);
  const every = Math.max(1, Math.ceil(points.length / ROWS));
  const chosen = points.filter((_, at) => (points.length - 1 - at) % every === 0);
  return chosen.map((point, at) => {
    const since_s = at ? chosen[at - 1][0] : from_s;
    return { point, moments: moments.filter((one) => one.at > since_s && one.at <= point[0]) };
  }).reverse();
}

function tableRow({ point, moments }) {
  const happened = moments.map((one) => told(one).title).join("; ");
  return make("tr", {},
    make("th", { scope: "row" }, timeOfDay(point[0])), make("td", {}, size(point[1])),
    make("td", {}, size(point[2])), make("td", {}, happened));
}

/** What a series is called: its device where it is that device's memory, else the machine. */
function nameOf(series, all = []) {
  if (series.of === "device") return series.name;
  const hosts = all.filter(([, one]) => one.of === "host").length;
  return hosts > 1 ? say("memory.host.of", { name: series.name }) : say("memory.host");
}

function choice(group, key, isChosen, choose) {
  const input = make("input", { type: "radio", name: group, value: key, checked: isChosen });
  input.addEventListener("change", choose);
  return make("label", { "data-key": key }, input, make("span"));
}

function makeLegend([kind]) {
  return make("li", { "data-of": kind }, make("i", { "aria-hidden": "true" }), make("span"), " ", make("strong"));
}

function updateLegend(row, [kind, bytes]) {
  write(row.children[1], say(`memory.${kind}`));
  write(row.lastElementChild, size(bytes));
}
