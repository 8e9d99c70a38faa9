/** Renaming, moving, taking room and noticing changes through the API, on real files. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import Client from './index.node.ts';

const options = { tracker: false, webrtc: false, host: '127.0.0.1' } as const;

let root = '';
const clients: Client[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'freshet-api-files-'));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.destroy()));
  rmSync(root, { recursive: true, force: true });
});

function open(): Client {
  const client = new Client(options);
  clients.push(client);
  return client;
}

/** Three files, seeded; and a client that has them. */
async function downloaded(extra: object = {}) {
  const folder = join(root, 'data', 'stuff');
  mkdirSync(join(folder, 'in'), { recursive: true });
  writeFileSync(join(folder, 'a.bin'), Buffer.alloc(70_000, 'a'));
  writeFileSync(join(folder, 'b.bin'), Buffer.alloc(50_000, 'b'));
  writeFileSync(join(folder, 'in', 'c.bin'), Buffer.alloc(90_000, 'c'));
  const seeder = open();
  const seed = await seeder.seed(folder, { pieceLength: 16_384 }).untilDone();
  const client = open();
  const path = join(root, 'out');
  const torrent = client.add(seed.torrentFile!, {
    path,
    peers: [`127.0.0.1:${seeder.torrentPort}`],
    ...extra,
  });
  await torrent.untilDone();
  return { seeder, seed, client, torrent, path };
}

describe('files of a torrent', () => {
  it('are renamed and moved while they are in use, which is remembered', async () => {
    const { client, torrent, path, seed } = await downloaded();
    const [a, b] = torrent.files;
    await a!.rename('other/first.bin');
    expect(a!.storagePath).toBe('other/first.bin');
    expect(a!.path).toBe('stuff/a.bin');
    await torrent.rename('things');
    expect(b!.storagePath).toBe('things/b.bin');
    await expect(b!.rename('other/first.bin')).rejects.toMatchObject({
      name: 'StorageError',
      code: 'EXISTS',
    });
    await expect(b!.rename('../b.bin')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    const elsewhere = join(root, 'elsewhere');
    await torrent.move(elsewhere);
    expect(torrent.path).toBe(elsewhere);
    expect(readFileSync(join(elsewhere, 'other', 'first.bin'), 'utf8')).toBe('a'.repeat(70_000));
    expect(existsSync(join(path, 'things'))).toBe(false);
    expect(Buffer.from(await torrent.files[2]!.arrayBuffer()).toString()).toBe('c'.repeat(90_000));
    await client.destroy();

    const again = open().add(seed.torrentFile!, { path: elsewhere });
    await again.untilReady();
    expect(again.progress).toBe(1);
    expect(again.files.map((file) => file.storagePath)).toEqual([
      'other/first.bin',
      'things/b.bin',
      'things/in/c.bin',
    ]);
  });

  it("that are seeded where they lie are nobody else's to rename", async () => {
    const { seed } = await downloaded();
    await expect(seed.files[0]!.rename('x')).rejects.toMatchObject({ code: 'ARGUMENT' });
    await expect(seed.move(join(root, 'x'))).rejects.toMatchObject({ code: 'ARGUMENT' });
  });

  it('take their room before anything is downloaded, if told to', async () => {
    const { seed, seeder } = await downloaded();
    const path = join(root, 'full');
    const client = open();
    const torrent = client.add(seed.torrentFile!, { path, allocation: 'full' });
    await torrent.untilReady();
    const file = join(path, 'stuff', 'in', 'c.bin');
    for (let i = 0; i < 200 && !(existsSync(file) && statSync(file).size === 90_000); i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(statSync(file).size).toBe(90_000);
    expect(torrent.downloaded).toBe(0);
    torrent.addPeer(`127.0.0.1:${seeder.torrentPort}`);
    await torrent.untilDone();
    expect(readFileSync(file, 'utf8')).toBe('c'.repeat(90_000));
    expect(() => client.add(seed.torrentFile!, { allocation: 'none' as 'full' })).not.toThrow();
  });

  it('are fetched again when somebody else has changed them, at the next start too', async () => {
    const { client, torrent, path, seeder, seed } = await downloaded();
    await client.destroy();
    expect(torrent.done).toBe(true);
    writeFileSync(join(path, 'stuff', 'b.bin'), Buffer.alloc(50_000, 'x'));
    const again = open().add(seed.torrentFile!, { path, peers: [`127.0.0.1:${seeder.torrentPort}`] });
    await again.untilReady();
    expect(again.progress).toBeLessThan(1);
    await again.untilDone();
    expect(readFileSync(join(path, 'stuff', 'b.bin'), 'utf8')).toBe('b'.repeat(50_000));
  });
});
