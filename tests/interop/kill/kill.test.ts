/**
 * Downloads that are killed (SIGKILL) at random moments, again and again. After each restart
 * - nothing is lost that was verified and recorded when it was killed;
 * - nothing is taken for verified whose bytes on the disk are not right, as compared with the seeder's files;
 * - a deselected file is not there;
 * and in the end all of it arrives. `FRESHET_SEED` repeats a run.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { type Bitfield, type Info, parseTorrent, toHex } from 'freshet/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMappedDisk } from '../../../packages/freshet/src/engine/storage/mapped-disk.ts';
import { decodeResume } from '../../../packages/freshet/src/engine/storage/resume.ts';
import { NodeFileStore } from '../../../packages/freshet/src/node/files.ts';
import { NodeStateStore } from '../../../packages/freshet/src/node/state.ts';
import { bundleChild, type ChildScript } from '../../support/child-script.ts';
import { makeFile, makeTempDir, removeDir, sha256Tree } from '../../support/files.ts';
import { Program } from '../../support/process.ts';
import { sleep, within } from '../../support/wait.ts';
import type { ChildOptions } from './child.ts';

const SEED = Number(process.env['FRESHET_SEED'] ?? 20_26);

/** Numbers in [0, 1) that are the same for the same seed. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Scenario {
  readonly name: string;
  readonly version: 1 | 2 | 'hybrid';
  readonly kills: number;
  readonly pieceLength: number;
  readonly limit: number;
  readonly pauseEvery: number;
  /** Lengths of the files; those of which are not wanted. */
  readonly files: readonly number[];
  readonly deselected: readonly number[];
}

const MIB = 1 << 20;
const scenarios: readonly Scenario[] = [
  {
    name: 'one file',
    version: 1,
    kills: 20,
    pieceLength: 65_536,
    limit: 6 * MIB,
    pauseEvery: 0,
    files: [12 * MIB - 777],
    deselected: [],
  },
  {
    name: 'many files, some of them deselected, large pieces that are never complete in one life',
    version: 1,
    kills: 20,
    pieceLength: MIB,
    limit: 2 * MIB,
    pauseEvery: 90,
    files: [3_000_001, 1, 700_000, 0, 16_384, 1_048_576, 2_500_000, 40_000, 1_200_000],
    deselected: [2, 7],
  },
  {
    name: 'version 2',
    version: 2,
    kills: 12,
    pieceLength: 262_144,
    limit: 4 * MIB,
    pauseEvery: 150,
    files: [4_000_001, 5, 262_144, 3_333_333],
    deselected: [2],
  },
];

let folder: string;
let script: ChildScript;
beforeAll(async () => {
  folder = await makeTempDir('kill');
  script = await bundleChild(new URL('child.ts', import.meta.url));
});
afterAll(async () => {
  await removeDir(folder);
  await script?.remove();
});

/** Everything that the loop looks at. */
interface Bench {
  readonly info: Info;
  readonly infoHash: Uint8Array;
  readonly source: Uint8Array;
  readonly path: string;
  readonly wanted: readonly boolean[];
}

/** Indexes of the pieces whose bytes on the disk are those of the seeder. */
async function rightPieces({ info, infoHash, source, path, wanted }: Bench): Promise<Set<number>> {
  const disk = openMappedDisk({ info, infoHash, store: new NodeFileStore(path), wanted });
  const right = new Set<number>();
  const buffer = Buffer.alloc(info.pieceLength);
  for (let piece = 0; piece < info.pieceCount; piece++) {
    const start = piece * info.pieceLength;
    const target = buffer.subarray(0, Math.min(info.pieceLength, info.length - start));
    target.fill(0);
    if ((await disk.read(start, target)) < target.length) continue;
    if (target.equals(source.subarray(start, start + target.length))) right.add(piece);
  }
  await disk.close();
  return right;
}

/** What was recorded as verified. */
async function recorded({ path, infoHash }: Bench): Promise<Bitfield | undefined> {
  const state = new NodeStateStore(join(path, '.freshet'));
  const bytes = await state.load(toHex(infoHash));
  return bytes === undefined ? undefined : decodeResume(bytes)?.verified;
}

class Life extends Program {
  readonly #events: Record<string, unknown>[] = [];
  #wake: () => void = () => {};

  constructor(options: ChildOptions) {
    super('download', process.execPath, [script.path, JSON.stringify(options)]);
    this.onLine((line) => {
      this.#events.push(JSON.parse(line) as Record<string, unknown>);
      this.#wake();
    });
  }

  /** The first event that has this property. */
  async told(key: string, patience: number): Promise<Record<string, unknown>> {
    const wait = async (): Promise<Record<string, unknown>> => {
      for (;;) {
        const found = this.#events.find((event) => key in event);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    return this.orEnd(within(wait(), patience, `"${key}"`), patience, `said "${key}"`);
  }

  has(key: string): boolean {
    return this.#events.some((event) => key in event);
  }
}

describe.each(scenarios)('a download that is killed: $name', (scenario) => {
  it(`loses nothing in ${scenario.kills} crashes`, async () => {
    const draw = random(SEED);
    const home = join(folder, String(scenarios.indexOf(scenario)));
    const data = join(home, 'data', 'stuff');
    for (const [i, length] of scenario.files.entries()) {
      await makeFile(join(data, `${i % 2 === 0 ? 'a' : 'b'}`, `${i}.bin`), length, i + 1);
    }
    const seeder = new Client({ tracker: false, webrtc: false, host: '127.0.0.1' });
    const seeded = seeder.seed(data, { pieceLength: scenario.pieceLength, version: scenario.version });
    await seeded.untilDone();
    const torrentFile = join(home, 'stuff.torrent');
    await writeFile(torrentFile, seeded.torrentFile!);
    const { info } = parseTorrent(seeded.torrentFile!);
    const infoHash = new Uint8Array(Buffer.from(seeded.infoHash!, 'hex'));
    // Deselected by their place in the list above, whatever order they have in the torrent.
    const names = scenario.deselected.map((i) => `${i % 2 === 0 ? 'a' : 'b'}/${i}.bin`);
    const isDeselected = (path: readonly string[]): boolean => names.includes(path.slice(1).join('/'));
    const source = new Uint8Array(info.length);
    const original = openMappedDisk({ info, infoHash, store: new NodeFileStore(join(home, 'data')) });
    await original.read(0, source);
    await original.close();
    const bench: Bench = {
      info,
      infoHash,
      source,
      path: join(home, 'out'),
      wanted: info.files.map((file) => !isDeselected(file.path)),
    };
    const options: ChildOptions = {
      torrentFile,
      path: bench.path,
      peer: `127.0.0.1:${seeder.torrentPort}`,
      limit: scenario.limit,
      deselected: info.files
        .filter((file) => !file.padding)
        .flatMap((file, index) => (isDeselected(file.path) ? [index] : [])),
      pauseEvery: scenario.pauseEvery,
    };

    let midway = 0;
    let completed = 0;
    let kept = 0;
    let saved: Bitfield | undefined;
    let right = new Set<number>();
    for (let kill = 0; kill < scenario.kills; kill++) {
      const label = `crash ${kill}, FRESHET_SEED=${SEED}`;
      const life = new Life(options);
      const verified = new Set((await life.told('ready', 20_000))['ready'] as number[]);
      const lost = saved === undefined ? [] : [...saved.indexes()].filter((piece) => !verified.has(piece));
      expect(lost, `verified, recorded and lost: ${label}`).toEqual([]);
      const wrong = [...verified].filter((piece) => !right.has(piece));
      expect(wrong, `taken for verified and wrong: ${label}`).toEqual([]);
      kept += verified.size;

      await sleep(Math.floor(30 + draw() * 400));
      const done = life.has('done');
      await life.kill();
      if (!done) midway++;
      saved = await recorded(bench);
      right = await rightPieces(bench);
      const unrecorded = saved === undefined ? [] : [...saved.indexes()].filter((piece) => !right.has(piece));
      expect(unrecorded, `recorded and not on the disk: ${label}`).toEqual([]);
      const there = await sha256Tree(bench.path).catch(() => ({}) as Record<string, string>);
      expect(
        Object.keys(there).filter((path) => names.some((name) => path.endsWith(name))),
        label,
      ).toEqual([]);
      if (done) {
        completed++;
        await removeDir(bench.path);
        saved = undefined;
        right = new Set();
      }
    }
    // Kills that come when all is done prove little.
    expect(midway).toBeGreaterThan(scenario.kills * 0.7);
    expect(kept).toBeGreaterThan(0);

    const last = new Life({ ...options, limit: -1, pauseEvery: 0, deselected: [] });
    const { done } = await last.told('done', 30_000);
    expect(done).toBe(info.length);
    await last.kill();
    const found = await sha256Tree(join(bench.path, 'stuff'));
    expect(found).toEqual(await sha256Tree(data));
    await seeder.destroy();
    expect(completed).toBeLessThan(scenario.kills);
  });
});
