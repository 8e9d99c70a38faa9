/** A torrent with 100,000 small files: from libtorrent to Freshet, which then gives it to libtorrent. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Client from 'freshet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, removeDir } from '../support/files.ts';
import { createTorrentWithLibtorrent, LibtorrentPeer } from './peers/libtorrent.ts';

const FOLDERS = 100;
const FILES = 1000;

let folder: string;
const torrentFile = (): string => join(folder, 'many.torrent');
beforeAll(async () => {
  folder = await makeTempDir('many');
  for (let i = 0; i < FOLDERS; i++) {
    const inner = join(folder, 'data', 'many', `${i}`);
    await mkdir(inner, { recursive: true });
    for (let j = 0; j < FILES; j += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, k) => writeFile(join(inner, `${j + k}.bin`), bytesOf(i, j + k))),
      );
    }
  }
  await createTorrentWithLibtorrent({ path: join(folder, 'data', 'many'), output: torrentFile() });
}, 240_000);
afterAll(() => removeDir(folder), 240_000);

/** From 0 to 199 bytes. */
function bytesOf(i: number, j: number): Buffer {
  return Buffer.alloc((i * 7 + j) % 200, `${i}/${j} `);
}

async function expectAll(root: string): Promise<void> {
  expect((await readdir(root)).length).toBe(FOLDERS);
  for (let i = 0; i < FOLDERS; i++) {
    expect((await readdir(join(root, `${i}`))).length).toBe(FILES);
    for (const j of [0, 1, 499, 999]) {
      expect((await readFile(join(root, `${i}`, `${j}.bin`))).equals(bytesOf(i, j))).toBe(true);
    }
  }
}

describe('a torrent with 100,000 files', () => {
  it('comes from libtorrent and goes to libtorrent', async () => {
    const seed = await LibtorrentPeer.start();
    await seed.seed({ torrentFile: torrentFile(), dataDir: join(folder, 'data') });
    const client = new Client({ tracker: false, webrtc: false, host: '127.0.0.1' });
    const out = join(folder, 'freshet');
    let events = 0;
    const torrent = client.add(torrentFile(), { path: out, peers: [`127.0.0.1:${seed.port}`] });
    torrent.on('download', () => events++);
    await torrent.untilDone();
    expect(torrent.files.length).toBe(FOLDERS * FILES);
    await expectAll(join(out, 'many'));
    await seed.stop();

    // All and none, one after the other, as programs do it.
    for (const file of torrent.files) file.deselect();
    for (const file of torrent.files) file.select();
    const leech = await LibtorrentPeer.start();
    const into = join(folder, 'libtorrent');
    const download = await leech.download({
      torrentFile: torrentFile(),
      dir: into,
      peers: [`127.0.0.1:${client.torrentPort}`],
    });
    await download.completed;
    await expectAll(join(into, 'many'));
    await leech.stop();
    await client.destroy();
    expect(events).toBeGreaterThan(0);
  }, 300_000);
});
