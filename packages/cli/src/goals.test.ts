import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { create } from './commands/create.ts';
import { download } from './commands/download.ts';
import { seed } from './commands/seed.ts';

type Told = Record<string, unknown>;

const LENGTH = 300_000;
const NETWORK = { host: '127.0.0.1', webrtc: false, json: true };

let root = '';
let told: Told[] = [];
let torrent = '';
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'freshet-goals-'));
  torrent = join(root, 'film.torrent');
  writeFileSync(join(root, 'film.bin'), Buffer.alloc(LENGTH, 'f'));
  told = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    for (const line of String(text).trim().split('\n')) told.push(JSON.parse(line) as Told);
    return true;
  });
  expect(await create([join(root, 'film.bin')], { output: torrent, pieceLength: 65_536, json: true })).toBe(
    0,
  );
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

async function event(name: string, of: () => readonly Told[] = () => told): Promise<Told> {
  return vi.waitFor(
    () => {
      const found = of().find((each) => each['event'] === name);
      expect(found).toBeDefined();
      return found!;
    },
    { timeout: 15_000 },
  );
}

async function port(): Promise<string> {
  return `127.0.0.1:${String((await event('listening'))['port'])}`;
}

describe('goals', () => {
  it('end freshet seed when the ratio is reached, and freshet download --seed after a time', async () => {
    const seeding = seed([torrent], { data: root, seedRatio: 1, ...NETWORK });
    const out = join(root, 'out');
    const options = { out, peer: [await port()], seedTime: 0.1, sequential: true, ...NETWORK };
    expect(await Promise.all([seeding, download(torrent, options)])).toEqual([0, 0]);
    expect(readFileSync(join(out, 'film.bin')).equals(readFileSync(join(root, 'film.bin')))).toBe(true);
    const goals = told.filter((each) => each['event'] === 'goal');
    expect(goals).toHaveLength(2);
    expect(goals).toContainEqual({ event: 'goal', goal: 'ratio', uploaded: LENGTH });
    expect(goals).toContainEqual({ event: 'goal', goal: 'seedTime', uploaded: 0 });
    expect(told.some((each) => each['event'] === 'stopped')).toBe(false);
  }, 30_000);

  it('leave the addresses of --stream where they are', async () => {
    const options = { out: root, stream: true as const, seedTime: 0.1, ...NETWORK };
    const running = download(torrent, options);
    await event('goal');
    const [{ url }] = (await event('stream'))['files'] as [{ url: string }];
    expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(LENGTH);
    process.emit('SIGINT', 'SIGINT');
    expect(await running).toBe(0);
    expect(told.at(-1)).toEqual({ event: 'stopped' });
  }, 30_000);

  it('are refused where nothing would be seeded', async () => {
    const refused = download(torrent, { out: root, exitWhenDone: true, seedRatio: 1 });
    await expect(refused).rejects.toThrow('--seed-ratio is about seeding');
    await expect(refused).rejects.toMatchObject({ exitCode: 2 });
  });
});
