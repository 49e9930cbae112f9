// Figures, and names, as people read them.

import { language } from "./words.js";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Bytes, as "312 MiB" or "1.4 GiB"; null or undefined is a dash. */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const magnitude = Math.abs(bytes);
  if (magnitude >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  if (magnitude >= 10 * MIB) return `${Math.round(bytes / MIB)} MiB`;
  if (magnitude >= MIB / 10) return `${(bytes / MIB).toFixed(1)} MiB`;
  return magnitude >= 1024 ? `${Math.round(bytes / 1024)} KiB` : `${bytes} B`;
}

/** Seconds as "0:12:03", as everywhere in this project; the same for a bar and for a log. */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** Seconds to a tenth, as "0.3 s". */
export function tenths(seconds) {
  return `${seconds.toFixed(1)} s`;
}

/** The time of day of seconds since 1970, on the reader's own clock. */
export function timeOfDay(at_s, { seconds = true } = {}) {
  const shown = { hour: "2-digit", minute: "2-digit", hour12: false };
  if (seconds) shown.second = "2-digit";
  return new Intl.DateTimeFormat(language(), shown).format(at_s * 1000);
}

/** Steps of a scale of bytes from nothing to `most`: about four, each a round number as people count memory. */
export function byteSteps(most) {
  let step = MIB / 16;
  while (most / step > 4.5) step *= 2;
  const steps = [];
  for (let at = 0; at <= most; at += step) steps.push(at);
  return steps;
}

/** Steps of a scale of time, in seconds, for a span shown in a width: round numbers of minutes. */
export function timeSteps(from_s, to_s, most) {
  const step = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].find((one) => (to_s - from_s) / one <= most) ?? 3600;
  const steps = [];
  for (let at = Math.ceil(from_s / step) * step; at <= to_s; at += step) steps.push(at);
  return { steps, step };
}

/** What is not seen itself, and changes what is seen: control characters, and those that turn the direction. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
/** Letters that run from right to left. */
const LEFTWARD = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A name as it is: what would turn or hide letters is written out, as "\\u{202e}", and letters that run
 * leftward stay among themselves, whatever stands beside them.
 */
export function readable(name) {
  const seen = name.replace(UNSEEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
  return LEFTWARD.test(seen) ? `\u2068${seen}\u2069` : seen;
}
