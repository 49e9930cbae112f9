// The picture of memory: an SVG, drawn anew at its own width, so that its letters stay as large as the page's.

import { draw, keep, make, set, write } from "./dom.js";
import { byteSteps, size, timeOfDay, timeSteps } from "./figures.js";
import { isPlanned, momentKey, told } from "./moments.js";
import { judged, nearest, runs, thinned, topOf, within } from "./scale.js";
import { count, say } from "./words.js";

/** Pixels below the plot: for the numbers of lives, and for the time. */
const FOOT = 38;
/** Pixels above it. */
const HEAD = 10;
/** A pointer that is nearer to a moment than this means the moment. */
const REACH = 14;
/** Dots that are nearer than this are put above one another. */
const APART = 13;

const SHAPES = {
  flag: "M-1.5 -6V6M-1.5 -6L6 -3L-1.5 0",
  clean: "M0 -5.5A5.5 5.5 0 1 1 -.01 -5.5Z",
  drain: "M0 -7L7 0L0 7L-7 0Z",
  kill: "M-5 -5L5 5M5 -5L-5 5",
  pause: "M-3 -6V6M3 -6V6",
  resume: "M-4 -6L6 0L-4 6Z",
  refuse: "M-6 0A6 6 0 1 0 6 0A6 6 0 1 0 -6 0M-4 -4L4 4",
  broom: "M-5.5 -5.5H5.5V5.5H-5.5Z",
};

export class Line {
  constructor(container) {
    this.view = null;
    this.container = container;
    this.svg = draw("svg", { role: "group" });
    this.layers = {};
    for (const name of ["grid", "areas", "marks", "ticks", "cross", "stops"]) {
      this.layers[name] = draw("g", { class: name, "aria-hidden": name === "stops" ? null : "true" });
    }
    this.svg.append(...Object.values(this.layers));
    this.bubble = make("div", { class: "bubble", hidden: true, "aria-hidden": "true" });
    this.empty = make("p", { class: "note empty" });
    container.append(this.svg, this.bubble, this.empty);
    this.listen();
    new ResizeObserver(() => this.view && this.draw(this.view)).observe(container);
  }

  listen() {
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerdown", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.hide());
    this.layers.stops.addEventListener("focusin", (event) => this.focus(event.target.closest(".stop")));
    this.layers.stops.addEventListener("focusout", () => this.hide());
    this.layers.stops.addEventListener("keydown", (event) => this.step(event));
  }

  /**
   * Draw.
   *
   * @param {object} view `series` (or null), `moments` of the child of its device, `from_s` and `to_s`, `name`.
   */
  draw(view) {
    this.view = view;
    const points = view.series === null ? [] : within(view.series.points, view.from_s);
    set(this.svg, "hidden", points.length === 0);
    this.empty.hidden = points.length > 0;
    write(this.empty, say("memory.none"));
    if (points.length === 0) return this.hide();
    this.measure(points);
    this.drawGrid();
    this.drawAreas();
    this.drawMarks();
    this.drawStops();
    this.label();
    return this.follow();
  }

  measure(points) {
    const { series, from_s: from, to_s: to } = this.view;
    this.width = Math.max(240, this.container.clientWidth);
    this.height = this.width < 480 ? 230 : 300;
    set(this.svg, "viewBox", `0 0 ${this.width} ${this.height}`);
    set(this.svg, "height", this.height);
    this.points = thinned(series, points, from, to, Math.floor(this.width / 2));
    this.top = topOf(series, this.points);
    const plot = this.height - FOOT - HEAD;
    this.x = (at_s) => Math.max(0, ((at_s - from) / (to - from)) * this.width);
    this.y = (bytes) => HEAD + plot * (1 - Math.min(1, bytes / this.top));
  }

  drawGrid() {
    const base = this.y(0);
    const bytes = byteSteps(this.top).slice(1).filter((step) => this.y(step) > HEAD + 14);
    const { steps, step } = timeSteps(this.view.from_s, this.view.to_s, this.width / 90);
    const times = steps.filter((at) => this.x(at) > 24 && this.x(at) < this.width - 24);
    this.layers.grid.replaceChildren(
      draw("path", { class: "base", d: `M0 ${base}H${this.width}` }),
      ...bytes.map((one) => draw("path", { d: `M0 ${this.y(one)}H${this.width}` })),
      ...bytes.map((one) => draw("text", { x: 2, y: this.y(one) - 4 }, size(one))),
      ...times.map((at) => this.timeLabel(at, step)),
    );
  }

  timeLabel(at, step) {
    const place = { x: this.x(at), y: this.height - 4, "text-anchor": "middle" };
    return draw("text", place, timeOfDay(at, { seconds: step < 60 }));
  }

  drawAreas() {
    const isOfAll = this.view.series.marks_of === "all";
    const others = (point) => (isOfAll ? (point[2] ?? 0) : 0);
    const both = (point) => others(point) + (point[1] ?? 0);
    const shapes = [];
    for (const run of runs(this.points)) {
      if (isOfAll) shapes.push(draw("path", { class: "others", d: this.area(run, () => 0, others) }));
      if (isOfAll) shapes.push(draw("path", { class: "rim", d: this.edge(run, others) }));
      shapes.push(draw("path", { class: "ours", d: this.area(run, others, both) }));
      shapes.push(draw("path", { class: "edge", d: this.edge(run, both) }));
    }
    this.layers.areas.replaceChildren(...shapes);
  }

  edge(run, of) {
    const last = run.at(-1);
    const path = run.map((point) => `${this.x(point[0]).toFixed(1)} ${this.y(of(point)).toFixed(1)}`);
    if (run.length === 1) path.push(`${(this.x(last[0]) + 1).toFixed(1)} ${this.y(of(last)).toFixed(1)}`);
    return `M${path.join("L")}`;
  }

  area(run, low, high) {
    return `${this.edge(run, high)}L${this.edge([...run].reverse(), low).slice(1)}Z`;
  }

  drawMarks() {
    const { series } = this.view;
    const lines = [
      ["soft", series.marks?.soft],
      ["hard", series.marks?.hard],
      ["total", series.marks_of === "all" ? series.total : null],
    ].filter(([, bytes]) => bytes);
    const inside = lines.filter(([, bytes]) => bytes <= this.top);
    const higher = lines.filter(([name, bytes]) => bytes > this.top && name !== "total");
    // Below their lines: what is in all stands close above the hard one.
    const labels = inside.filter(([name]) => name !== "total").map(([name, bytes]) => {
      const y = this.y(bytes) + 13;
      return draw("text", { class: name, x: this.width - 4, y, "text-anchor": "end" }, say(`memory.${name}`));
    });
    this.layers.marks.replaceChildren(
      ...inside.map(([name, bytes]) => draw("path", { class: name, d: `M0 ${this.y(bytes)}H${this.width}` })),
      ...labels,
      ...higher.map(([name, bytes], at) => this.higherLabel(name, bytes, at)),
    );
  }

  higherLabel(name, bytes, at) {
    const place = { class: name, x: this.width - 4, y: HEAD + 4 + 14 * at, "text-anchor": "end" };
    const words = say("memory.higher", { mark: say(`memory.${name}`), size: size(bytes) });
    return draw("text", place, `↑ ${words}`);
  }

  // ---------------------------------------------------------------- moments

  drawStops() {
    const shown = this.view.moments.filter((one) => one.at >= this.view.from_s && one.at <= this.view.to_s + 1);
    const ticks = shown.filter((one) => one.kind === "began" || (one.kind === "ended" && !isPlanned(one)));
    this.layers.ticks.replaceChildren(...ticks.flatMap((one) => this.tick(one)));
    this.stops = this.placed(shown);
    keep(this.layers.stops, this.stops, (stop) => momentKey(stop.moment), makeStop, updateStop);
    const all = [...this.layers.stops.children];
    const current = all.find((one) => one.getAttribute("tabindex") === "0") ?? all.at(-1);
    for (const one of all) set(one, "tabindex", one === current ? "0" : "-1");
  }

  tick(moment) {
    const x = this.x(moment.at).toFixed(1);
    const line = draw("path", { class: moment.kind, d: `M${x} ${HEAD}V${this.y(0) + 6}` });
    if (moment.kind !== "began") return [line];
    return [line, draw("text", { x: Number(x) + 3, y: this.y(0) + 14 }, String(moment.life))];
  }

  placed(moments) {
    const lastAt = [];
    return moments.map((moment) => {
      const x = this.x(moment.at);
      const isTick = moment.kind === "began" || moment.kind === "ended";
      const point = nearest(this.points, moment.at);
      let level = 0;
      while (!isTick && x - (lastAt[level] ?? -Infinity) < APART) level += 1;
      if (!isTick) lastAt[level] = x;
      const base = isTick ? this.y(0) + (moment.kind === "began" ? 6 : 0) : this.y(judged(this.view.series, point));
      return { moment, x, y: Math.max(HEAD + 6, base - level * APART), isTick };
    });
  }

  /** Keys that go from one moment to the next, as within any group of one tab stop. */
  step(event) {
    const all = [...this.layers.stops.children];
    const at = all.indexOf(event.target.closest(".stop"));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.min(all.length - 1, Math.max(0, to))];
    for (const one of all) set(one, "tabindex", one === next ? "0" : "-1");
    next.focus();
  }

  focus(element) {
    this.focused = element?.dataset.key ?? null;
    this.follow();
  }

  /** Keep the words beside the moment that has the focus, which moves with the line. */
  follow() {
    const stop = this.stops?.find((one) => momentKey(one.moment) === this.focused);
    if (stop) this.tell(stop.x, stop.moment, null);
  }

  // ---------------------------------------------------------------- what is pointed at

  point(event) {
    if (!this.points?.length) return;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    const stops = this.stops.filter((stop) => Math.abs(stop.x - x) <= REACH);
    const stop = stops.sort((one, other) => Math.abs(one.x - x) - Math.abs(other.x - x))[0];
    if (stop) return this.tell(stop.x, stop.moment, null);
    const { from_s: from, to_s: to } = this.view;
    const point = nearest(this.points, from + (x / this.width) * (to - from));
    return this.tell(this.x(point[0]), null, point);
  }

  tell(x, moment, point) {
    const figures = point ?? nearest(this.points, moment.at);
    const words = moment === null ? null : told(moment);
    this.layers.cross.replaceChildren(draw("path", { d: `M${x} ${HEAD}V${this.y(0)}` }));
    this.bubble.replaceChildren(
      make("strong", {}, `${timeOfDay(moment?.at ?? figures[0])}${words ? ` ${words.title}` : ""}`),
      ...(words?.why ? [make("span", { lang: "en" }, words.why)] : []),
      make("span", {}, this.inWords(figures)),
    );
    this.bubble.hidden = false;
    const most = this.container.clientWidth - this.bubble.offsetWidth;
    this.bubble.style.left = `${Math.max(0, Math.min(most, x - this.bubble.offsetWidth / 2))}px`;
    // In the other half than the line, which it would hide.
    const isHigh = this.y(judged(this.view.series, figures)) < this.y(this.top / 2);
    this.bubble.style.top = `${isHigh ? this.y(0) - this.bubble.offsetHeight - 6 : HEAD + 4}px`;
  }

  inWords(point) {
    return `${say("memory.ours")} ${size(point[1])} · ${say("memory.others")} ${size(point[2])}`;
  }

  hide() {
    this.focused = null;
    this.bubble.hidden = true;
    this.layers.cross.replaceChildren();
  }

  label() {
    const latest = this.view.series.points.at(-1);
    const lives = new Set(this.view.moments.filter((one) => one.life).map((one) => one.life)).size;
    const decisions = this.stops.filter((stop) => stop.moment.kind === "decided").length;
    set(this.svg, "aria-label", say("memory.drawn", {
      name: this.view.name,
      ours: size(latest[1]),
      others: size(latest[2]),
      lives: count("lives", lives),
      decisions: count("decisions", decisions),
    }));
  }
}

function makeStop() {
  return draw("g", { class: "stop", role: "img" }, draw("circle", { class: "halo", r: 12 }), draw("path"));
}

function updateStop(element, { moment, x, y, isTick }) {
  const { title, why, tone } = told(moment);
  set(element, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  set(element, "data-kind", moment.kind);
  set(element, "data-tone", tone);
  set(element, "aria-label", [timeOfDay(moment.at), title, why].filter(Boolean).join(", "));
  const shape = moment.kind === "gave_back" ? SHAPES.broom : SHAPES[moment.action];
  set(element.lastElementChild, "d", isTick ? null : (shape ?? SHAPES.clean));
}
