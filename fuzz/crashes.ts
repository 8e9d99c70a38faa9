/** Inputs that failed once: files of a folder for each target, which the tests run for ever. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const CRASHES: string = fileURLToPath(new URL('crashes', import.meta.url));

export interface Crash {
  readonly file: string;
  readonly input: Uint8Array;
}

/** Those of a target, in the order of their names. */
export function readCrashes(target: string): Crash[] {
  const folder = join(CRASHES, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.bin'))
    .sort()
    .map((name) => ({ file: join(folder, name), input: new Uint8Array(readFileSync(join(folder, name))) }));
}

/** Keeps an input; the name says what is in it. Returns the file. */
export function saveCrash(target: string, input: Uint8Array): string {
  const folder = join(CRASHES, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${createHash('sha1').update(input).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(file, input);
  return file;
}
