// Try a voice: a text is spoken now, ahead of the jobs, and played here. It is sent to the service and nowhere else.

import { keep, make, set, the, write } from "./dom.js";
import { tenths } from "./figures.js";
import { ask, post } from "./service.js";
import { sorry } from "./sorry.js";
import { say } from "./words.js";

/** What each format is, as a browser knows it. */
const TYPES = { mp3: "audio/mpeg", opus: "audio/ogg; codecs=opus", wav: "audio/wav", flac: "audio/flac" };
const ENDINGS = { opus: "ogg" };

export class Voice {
  constructor() {
    this.url = null;
    this.voices = [];
    this.draw();
    the("try").addEventListener("submit", (event) => {
      event.preventDefault();
      this.speak();
    });
  }

  draw() {
    const own = [{ id: "", name: say("try.voice.own") }];
    const makeOne = (voice) => make("option", { value: voice.id });
    keep(the("try-voice"), [...own, ...this.voices], (voice) => voice.id, makeOne, (option, voice) => write(option, voice.name));
    set(the("try-audio"), "aria-label", say("try.heard"));
  }

  /** Ask which voices there are: the engine's are known once a child was ready. */
  async ask() {
    const { voices } = await (await ask("/v1/audio/voices")).json();
    this.voices = voices;
    this.draw();
  }

  async speak() {
    const button = the("try-speak");
    if (button.getAttribute("aria-disabled") === "true") return;
    set(button, "aria-disabled", "true");
    write(the("try-said"), say("try.speaking"));
    try {
      await this.fetchAndPlay(performance.now());
    } catch (error) {
      write(the("try-said"), say("try.not", { why: sorry(error) }));
    } finally {
      set(button, "aria-disabled", null);
    }
  }

  async fetchAndPlay(began_ms) {
    const format = the("try-format").value;
    const wanted = { input: the("try-text").value, response_format: format };
    if (the("try-voice").value) wanted.voice = the("try-voice").value;
    const answer = await post("/v1/audio/speech", wanted);
    this.offer(await answer.blob(), format);
    const took = tenths((performance.now() - began_ms) / 1000);
    const audio = the("try-audio");
    const plays = audio.canPlayType(TYPES[format]);
    const said = say("try.spoken", { took });
    write(the("try-said"), plays ? said : `${said} ${say("try.unplayable", { format: format.toUpperCase() })}`);
    // A browser may want another press before it lets a page be heard: its own button is there.
    if (plays) await audio.play().catch(() => {});
  }

  offer(blob, format) {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = URL.createObjectURL(blob);
    the("try-audio").src = this.url;
    const save = the("try-save");
    set(save, "href", this.url);
    set(save, "download", `speech.${ENDINGS[format] ?? format}`);
    the("try-heard").hidden = false;
  }
}
