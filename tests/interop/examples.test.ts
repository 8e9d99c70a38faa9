/** The programs in examples/, as a reader would start them: each gets its work from another one. Needs a build. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFile, makeTempDir, removeDir, sha256, sha256Tree } from '../support/files.ts';
import { Program } from '../support/process.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILM_LENGTH = 3_000_001;

/** A started example, and what it has printed. */
class Example extends Program {
  readonly lines: string[] = [];

  constructor(name: string, args: readonly string[], folder: string) {
    // Its temporary files go with the test's.
    super(name, process.execPath, [join(ROOT, 'examples', name), ...args], { env: { TMPDIR: folder } });
  }

  static start(name: string, args: readonly string[], folder: string): Example {
    const example = new Example(name, args, folder);
    running.push(example);
    example.onLine((line) => example.lines.push(line));
    return example;
  }

  /** The first line that `pattern` matches, as soon as it is there. */
  line(pattern: RegExp): Promise<string> {
    const found = waitUntil(`a line like ${pattern}`, () => this.lines.find((line) => pattern.test(line)), {
      timeout: 20_000,
    });
    return this.orEnd(found, 21_000, `printed ${pattern}`);
  }
}

const running: Program[] = [];
let folder: string;
let magnet: string;
let tracker: Example;
let announce: string;
let seed: Example;

beforeAll(async () => {
  folder = await makeTempDir('examples');
  await makeFile(join(folder, 'shared/Holiday/film.mp4'), FILM_LENGTH, 1);
  await makeFile(join(folder, 'shared/Holiday/notes/day 1.txt'), 70_000, 2);
  tracker = Example.start('own-tracker.mjs', ['0'], folder);
  // HTTP only: with a WebSocket tracker the seed would also ask public STUN servers for its address.
  announce = /http:\S+/.exec(await tracker.line(/^Trackers:/))![0];
  seed = Example.start('node-seed.mjs', [join(folder, 'shared/Holiday'), announce], folder);
  magnet = await seed.line(/^magnet:/);
});

afterAll(async () => {
  for (const program of running.reverse()) await program.stop();
  await removeDir(folder);
});

function hashOf(path: string): Promise<string> {
  return sha256(join(folder, 'shared/Holiday', path));
}

describe('the examples for Node', () => {
  it('node-download gets a folder by its magnet link, and goes on where it is when run again', async () => {
    const out = join(folder, 'got');
    const first = Example.start('node-download.mjs', [magnet, out], folder);
    expect(await first.exited).toBe(0);
    expect(first.lines[0]).toBe(`Holiday, ${FILM_LENGTH + 70_000} bytes`);
    expect(first.lines.at(-1)).toBe(`Done: 2 files in ${out}`);
    expect(await sha256Tree(join(out, 'Holiday'))).toEqual(await sha256Tree(join(folder, 'shared/Holiday')));

    const again = Example.start('node-download.mjs', [magnet, out], folder);
    expect(await again.exited).toBe(0);
    expect(again.lines.at(-1)).toBe(`Done: 2 files in ${out}`);
  });

  it('node-download ends with a sentence on what is no torrent', async () => {
    const program = Example.start('node-download.mjs', [join(folder, 'missing.torrent')], folder);
    const errors: string[] = [];
    program.child.stderr!.on('data', (text: string) => errors.push(text));
    expect(await program.exited).toBe(1);
    expect(errors.join('')).toMatch(/missing\.torrent could not be read: there is no such file/);
  });

  it('node-stream-http answers ranges of every file', async () => {
    const server = Example.start('node-stream-http.mjs', [magnet, '0'], folder);
    const film = await server.line(/film\.mp4$/);
    expect(await server.line(/txt$/)).toMatch(/Holiday\/notes\/day%201\.txt$/);
    const part = await request(film, 'bytes=2999001-2999100');
    expect(part.status).toBe(206);
    expect(part.headers['content-range']).toBe(`bytes 2999001-2999100/${FILM_LENGTH}`);
    const original = await readFile(join(folder, 'shared/Holiday/film.mp4'));
    expect(part.body.equals(original.subarray(2_999_001, 2_999_101))).toBe(true);
    const whole = await request(film);
    expect(createHash('sha256').update(whole.body).digest('hex')).toBe(await hashOf('film.mp4'));
    server.child.kill('SIGINT');
    expect(await server.exited).toBe(0);
  });

  it('for-await writes the largest file to standard output and leaves nothing behind', async () => {
    const reader = new Example('for-await.mjs', [magnet], folder);
    running.push(reader);
    const hash = createHash('sha256');
    reader.child.stdout!.on('data', (chunk: Buffer) => hash.update(chunk));
    expect(await reader.exited).toBe(0);
    expect(hash.digest('hex')).toBe(await hashOf('film.mp4'));
    expect(Object.keys(await sha256Tree(join(folder, 'freshet')))).not.toContain('Holiday/film.mp4');
  });

  it('own-tracker serves its site beside the tracker, and node-seed takes its leave of it', async () => {
    const site = await tracker.line(/^Site:/);
    const page = await request(/http:\S+/.exec(site)![0]);
    expect(page.status).toBe(200);
    expect(page.body.toString()).toContain('share a file from a page');
    const stats = async (): Promise<{ seeds: number }> =>
      JSON.parse((await request(announce.replace(/announce$/, 'stats.json'))).body.toString());
    expect(await waitUntil('the seed to be counted', async () => (await stats()).seeds > 0)).toBe(true);
    seed.child.kill('SIGINT');
    expect(await seed.exited).toBe(0);
    expect(await waitUntil('the seed to be gone', async () => (await stats()).seeds === 0)).toBe(true);
    tracker.child.kill('SIGINT');
    expect(await tracker.exited).toBe(0);
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function request(url: string, range?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { headers: range === undefined ? {} : { range }, agent: false as const };
    get(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (chunk: Buffer) => parts.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) });
      });
    }).on('error', reject);
  });
}
