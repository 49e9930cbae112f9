// What went wrong, for people.

import { KeyWanted, Refused, Unreachable } from "./service.js";
import { say } from "./words.js";

/** Why something could not be done, in words: the service's own where it said any. */
export function sorry(error) {
  if (error instanceof Refused) return error.message;
  if (error instanceof Unreachable) return say("error.unreachable");
  if (error instanceof KeyWanted) return say("error.key");
  return say("error.bug", { what: `${error.name}: ${error.message}` });
}
