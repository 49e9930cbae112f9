#!/usr/bin/env node
// Narrate a document through the service, from Node: submit it, follow it, print where it is.
//
//     node examples/narrate.mjs INPUT OUTPUT [COMMAND...]
//
// COMMAND is what is started and talked to; without one `tts-supervisor serve --stdio`. Stopped at any moment and run
// again, it goes on where it was: the job is the service's, not this script's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [input, output, ...given] = process.argv.slice(2);
const [command, ...words] = given.length ? given : ["tts-supervisor", "serve", "--stdio"];
const service = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });

const waiting = new Map();
let count = 0;

/** Ask, and wait for the result; answers come in any order, each with the id of its question. */
function ask(method, params) {
  return new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    service.stdin.write(JSON.stringify({ jsonrpc: "2.0", id: count, method, params }) + "\n");
  });
}

createInterface({ input: service.stdout }).on("line", (line) => {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === "progress") console.error(`${params.segment} of ${params.segments} segments`);
  const asked = waiting.get(id);
  if (method !== undefined || asked === undefined) return;
  waiting.delete(id);
  error ? asked.reject(new Error(`${error.message} (${error.data?.kind ?? error.code})`)) : asked.resolve(result);
});

const ended = once(service, "exit");
ended.then(([code]) => waiting.forEach(({ reject }) => reject(new Error(`the service ended with ${code}`))));

const { job } = await ask("jobs/submit", { inputs: [input], output });
const over = await ask("jobs/watch", { job }); // answered when the job is over
for (const path of over.outputs) console.log(path);
if (over.message) console.error(over.message);

service.stdin.end(); // the end of its input is the end of the service
await ended;
process.exitCode = over.exit_code; // as `tts-supervisor narrate` would end
