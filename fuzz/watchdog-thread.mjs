/** Runs beside the fuzzer: when one execution goes on for too long it keeps the input and ends the process. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';

const { buffer, crashes, patience } = workerData;
const state = new Int32Array(buffer, 0, 4);
let seen = -1;
let since = Date.now();

setInterval(() => {
  const now = Atomics.load(state, 0);
  if (now !== seen) {
    seen = now;
    since = Date.now();
    return;
  }
  // Before the first one.
  if (now === 0 || Date.now() - since < patience) return;
  const name = Buffer.from(new Uint8Array(buffer, 16, state[1])).toString();
  const input = Buffer.from(new Uint8Array(buffer, 80, state[2]));
  const folder = join(crashes, name);
  const file = join(folder, `${createHash('sha1').update(input).digest('hex').slice(0, 12)}.bin`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  writeSync(
    2,
    `\nFOUND in ${name}: an input of ${input.length} bytes does not come to an end. Kept as ${file}.\n`,
  );
  process.kill(process.pid, 'SIGKILL');
}, 1000);
