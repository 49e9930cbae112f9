// The page: what is told goes into one model, and its parts are drawn from that, at most once a frame.

import { onPress, set, the, write } from "./dom.js";
import { Jobs } from "./jobs.js";
import { Memory } from "./memory.js";
import { Model } from "./model.js";
import { Moments, given } from "./moments.js";
import { Refused, call, follow, useKey } from "./service.js";
import { sorry } from "./sorry.js";
import { Standing } from "./standing.js";
import { Voice } from "./voice.js";
import { language, otherLanguage, say, switchLanguage } from "./words.js";

/** Between two drawings: ages and the line move on by themselves. */
const TICK_MS = 1000;
/** Voices are asked for again so long after it was said that there are none yet. */
const VOICES_EVERY_MS = 3000;

const model = new Model();
const standing = new Standing();
const memory = new Memory(redraw);
const moments = new Moments();
const jobs = new Jobs(model, redraw);
const voice = new Voice();

let isDue = false;
let about = null;

function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  document.body.dataset.link = model.link;
  set(the("key"), "hidden", model.link !== "key");
  standing.draw(model);
  memory.draw(model);
  moments.draw(model.moments);
  jobs.draw();
  write(the("about"), about === null ? "" : say("about", about));
}

// -------------------------------------------------------------------- words

function drawWords() {
  set(document.documentElement, "lang", language());
  for (const element of document.querySelectorAll("[data-word]")) write(element, say(element.dataset.word));
  write(the("language"), say("language.other"));
  set(the("language"), "lang", otherLanguage());
  voice.draw();
}

the("language").addEventListener("click", () => {
  switchLanguage();
  drawWords();
  memory.table_at_ms = 0;
  redraw();
});

// -------------------------------------------------------------------- the broom

function broom(what, method) {
  onPress(the(what), async () => {
    const said = the("broom-said");
    write(said, say(`broom.${what}.asked`));
    set(said, "data-tone", "wait");
    try {
      write(said, given(what, await call(method)));
      set(said, "data-tone", "ok");
    } catch (error) {
      write(said, say(`broom.${what}.not`, { why: sorry(error) }));
      set(said, "data-tone", "warn");
    }
  });
}

broom("clean", "memory/clean");
broom("recycle", "child/recycle");

// -------------------------------------------------------------------- the stream

let useGivenKey = null;

the("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(the("key-field").value.trim());
  the("key-field").value = "";
  useGivenKey?.();
});

function keyWanted(wasGiven) {
  model.link = "key";
  model.keyWasWrong = wasGiven;
  draw();
  the("key-field").focus();
  return new Promise((resolve) => {
    useGivenKey = resolve;
  });
}

function back() {
  model.link = "open";
  askWhatItIs();
  redraw();
}

function lost(seconds, why) {
  model.link = "lost";
  model.again_s = seconds;
  model.lost_why = why;
  redraw();
}

async function askWhatItIs() {
  try {
    about = await call("server/discover");
    await voice.ask();
  } catch (error) {
    // No child has told its voices yet. Of a service that is gone the stream tells, and asks for this when it is back.
    if (error instanceof Refused) setTimeout(askWhatItIs, VOICES_EVERY_MS);
  }
  redraw();
}

drawWords();
setInterval(redraw, TICK_MS);
follow({
  event: (name, content) => {
    model.take(name, content);
    if (name === "all") jobs.refresh();
    redraw();
  },
  back,
  lost,
  keyWanted,
});
