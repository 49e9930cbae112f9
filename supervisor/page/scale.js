// Where things stand in the picture of memory: values in, places out. Nothing here touches the page.

import { byteSteps } from "./figures.js";

/** From this share of the hard mark on, the picture reaches up to it; below, it would show a flat line. */
const NEAR_SHARE = 0.25;
/** Room above what is shown. */
const AIR = 1.12;
/** A pause between points that is longer than this is a hole: nobody read. */
const HOLE_S = 60;

/** What a point counts against the marks: [at, ours, others]. */
export function judged(series, point) {
  return (point[1] ?? 0) + (series.marks_of === "all" ? (point[2] ?? 0) : 0);
}

/** The upper end of the scale, in bytes, for the points that are shown. */
export function topOf(series, points) {
  const highest = Math.max(1, ...points.map((point) => judged(series, point)));
  const { soft, hard } = series.marks ?? {};
  const far = hard ?? soft ?? series.total ?? 0;
  if (far && highest >= far * NEAR_SHARE) {
    const whole = series.marks_of === "all" ? (series.total ?? far) : far;
    return Math.max(whole, highest, far) * (series.marks_of === "all" ? 1.02 : AIR);
  }
  const steps = byteSteps(highest * AIR);
  const step = steps[1] ?? highest;
  return Math.max(highest * AIR, Math.ceil(highest / step) * step);
}

/** At most one point for each column: the highest, so that no peak is lost. */
export function thinned(series, points, from_s, to_s, columns) {
  const width_s = (to_s - from_s) / columns;
  const kept = [];
  let column = null;
  for (const point of points) {
    const of = Math.floor((point[0] - from_s) / width_s);
    if (of !== column || (point[1] === null) !== (kept.at(-1)[1] === null)) kept.push(point);
    else if (judged(series, point) >= judged(series, kept.at(-1))) kept[kept.length - 1] = point;
    column = of;
  }
  return kept;
}

/** Cut points into runs without a hole. */
export function runs(points) {
  const found = [];
  let before = null;
  for (const point of points) {
    if (before === null || point[0] - before[0] > HOLE_S) found.push([]);
    found.at(-1).push(point);
    before = point;
  }
  return found;
}

/** The points of a span, with the last one before it, so that the line begins at its edge. */
export function within(points, from_s) {
  const first = points.findIndex((point) => point[0] >= from_s);
  return first < 0 ? points.slice(-1) : points.slice(Math.max(0, first - 1));
}

/** The point nearest to a time; null where there is none. */
export function nearest(points, at_s) {
  let best = null;
  for (const point of points) {
    if (best === null || Math.abs(point[0] - at_s) <= Math.abs(best[0] - at_s)) best = point;
  }
  return best;
}
