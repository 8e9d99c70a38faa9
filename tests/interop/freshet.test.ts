/** Two clients of this library in one process, over TCP on the loopback interface. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import Client, { type ClientOptions, DuplicateTorrentError, type Torrent } from 'freshet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const OPTIONS: ClientOptions = { host: '127.0.0.1', webrtc: false };

let root: string;
let clients: Client[];
const film = randomBytes(3_000_000);
const text = Buffer.from('Hello, swarm.\n');

function start(options: ClientOptions = {}): Client {
  const client = new Client({ ...OPTIONS, ...options });
  clients.push(client);
  return client;
}

async function listening(client: Client): Promise<number> {
  if (!client.listening) await new Promise<void>((resolve) => client.once('listening', resolve));
  return client.torrentPort;
}

/** A folder with a film, a text, an empty file and a junk file in it, seeded. */
async function seedFolder(client: Client): Promise<Torrent> {
  const folder = join(root, 'source', 'My Folder');
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'film.mp4'), film);
  await writeFile(join(folder, 'sub', 'ä text.txt'), text);
  await writeFile(join(folder, 'sub', 'empty.bin'), '');
  await writeFile(join(folder, 'Thumbs.db'), 'junk');
  return client.seed(folder, { pieceLength: 65_536, comment: 'test' }).untilDone();
}

async function connect(from: Torrent, to: Client): Promise<void> {
  from.addPeer(`127.0.0.1:${await listening(to)}`);
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'freshet-test-'));
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.destroy()));
  await rm(root, { recursive: true, force: true });
});

describe('two clients', () => {
  it('seed a folder in place and download it by magnet link, events in order', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    expect(seed.files.map((file) => file.path)).toEqual([
      'My Folder/film.mp4',
      'My Folder/sub/empty.bin',
      'My Folder/sub/ä text.txt',
    ]);
    expect(seed.path).toBe(join(root, 'source'));

    const order: string[] = [];
    const leecher = start();
    const torrent = leecher.add(seed.magnetURI!, { path: join(root, 'target') }, () =>
      order.push('callback'),
    );
    for (const event of ['infoHash', 'metadata', 'ready', 'done'] as const) {
      torrent.on(event, () => void order.push(event));
    }
    let received = 0;
    torrent.on('download', (bytes) => {
      received += bytes;
    });
    torrent.on('wire', (wire, address) => order.push(`wire ${wire.type} ${address?.split(':')[0]}`));
    const pieces: number[] = [];
    torrent.on('verified', (index) => pieces.push(index));
    const files: string[] = [];
    torrent.on('metadata', () => {
      for (const file of torrent.files) file.on('done', () => files.push(file.name));
    });
    await connect(torrent, seeder);
    await torrent.untilDone();
    expect(order).toEqual([
      'infoHash',
      'wire tcpOutgoing 127.0.0.1',
      'metadata',
      'callback',
      'ready',
      'done',
    ]);
    expect(torrent.infoHash).toBe(seed.infoHash);
    expect(torrent.progress).toBe(1);
    expect(received).toBeGreaterThanOrEqual(seed.length);
    expect(torrent.received).toBe(received);
    expect(torrent.stats.received['tcp']).toBe(received);
    expect(pieces.length).toBe(Math.ceil(seed.length / 65_536));
    expect(files.sort()).toEqual(['film.mp4', 'ä text.txt']);
    expect(torrent.files.every((file) => file.progress === 1 && file.done)).toBe(true);
    const target = join(root, 'target', 'My Folder');
    expect(sha1(await readFile(join(target, 'film.mp4')))).toBe(sha1(film));
    expect(await readFile(join(target, 'sub', 'ä text.txt'))).toEqual(text);
    expect((await stat(join(target, 'sub', 'empty.bin'))).size).toBe(0);
    expect(await readdir(join(root, 'source', 'My Folder'))).toEqual(['Thumbs.db', 'film.mp4', 'sub']);
  });

  it('stream what is still being downloaded, in every form', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    const torrent = start().add(seed.torrentFile!, { path: join(root, 'target'), deselect: true });
    await torrent.untilReady();
    const file = torrent.files[0]!;
    // Asked for before there is anybody to give it.
    const last = file.arrayBuffer({ start: film.length - 1000 });
    await connect(torrent, seeder);
    expect(Buffer.from(await last)).toEqual(film.subarray(-1000));
    const parts: Uint8Array[] = [];
    for await (const chunk of file.stream({ start: 100_001, end: 900_000 })) parts.push(chunk);
    expect(sha1(Buffer.concat(parts))).toBe(sha1(film.subarray(100_001, 900_001)));
    const hash = createHash('sha1');
    await pipeline(file.createReadStream(), hash);
    expect(hash.digest('hex')).toBe(sha1(film));
    expect(Buffer.from(await (await torrent.files[2]!.blob()).arrayBuffer())).toEqual(text);
    expect(sha1(Buffer.from(await seed.files[0]!.arrayBuffer()))).toBe(sha1(film));
  });

  it('serve stream addresses with ranges', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    const client = start();
    const server = client.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const base = `http://127.0.0.1:${port}`;
    const torrent = client.add(seed.torrentFile!, { path: join(root, 'target'), deselect: true });
    await torrent.untilReady();
    await connect(torrent, seeder);
    const url = new URL(torrent.files[0]!.streamURL, base);

    const one = await fetch(url, { headers: { range: 'bytes=0-0' } });
    expect(one.status).toBe(206);
    expect(one.headers.get('content-range')).toBe(`bytes 0-0/${film.length}`);
    expect(one.headers.get('content-type')).toBe('video/mp4');
    expect(Buffer.from(await one.arrayBuffer())).toEqual(film.subarray(0, 1));
    const middle = await fetch(url, { headers: { range: 'bytes=1500000-1600000' } });
    expect(sha1(Buffer.from(await middle.arrayBuffer()))).toBe(sha1(film.subarray(1_500_000, 1_600_001)));
    const beyond = await fetch(url, { headers: { range: `bytes=${film.length}-` } });
    expect(beyond.status).toBe(416);
    await beyond.text();
    const whole = await fetch(url);
    expect(whole.status).toBe(200);
    expect(sha1(Buffer.from(await whole.arrayBuffer()))).toBe(sha1(film));
    const umlaut = await fetch(new URL(torrent.files[2]!.streamURL, base));
    expect(await umlaut.text()).toBe(text.toString());
    expect(await (await fetch(`${base}/webtorrent/`)).text()).toContain('My Folder');
    expect(await (await fetch(`${base}/webtorrent/${torrent.infoHash}`)).text()).toContain('film.mp4');
    expect((await fetch(`${base}/webtorrent/${'0'.repeat(40)}/x`)).status).toBe(404);
    expect((await fetch(`${base}/elsewhere`)).status).toBe(404);
  });

  it('leave out files deselected in the metadata event', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    const torrent = start().add(seed.magnetURI!, { path: join(root, 'target') });
    torrent.on('metadata', () => torrent.files[0]!.deselect());
    await connect(torrent, seeder);
    await torrent.untilDone();
    expect(await readdir(join(root, 'target', 'My Folder'))).toEqual(['sub']);
    expect(torrent.received).toBeLessThan(2 * 65_536);
    torrent.files[0]!.select();
    await new Promise<void>((resolve) => torrent.once('done', resolve));
    expect(sha1(await readFile(join(root, 'target', 'My Folder', 'film.mp4')))).toBe(sha1(film));
  });

  it('resume after a restart without downloading again, and delete when asked to', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    const path = join(root, 'target');
    const first = start();
    const download = first.add(seed.magnetURI!, { path });
    await connect(download, seeder);
    await download.untilDone();
    await first.destroy();

    // Only the info-hash: the metadata was kept.
    const second = start();
    const again = second.add(seed.infoHash!, { path });
    await again.untilDone();
    expect(again.progress).toBe(1);
    expect(again.received).toBe(0);
    await second.remove(seed.infoHash!, { destroyStore: true });
    expect(second.torrents).toEqual([]);
    await expect(stat(join(path, 'My Folder'))).rejects.toThrow('ENOENT');
    // What was seeded in place is never deleted.
    await seeder.remove(seed, { destroyStore: true });
    expect((await stat(join(root, 'source', 'My Folder', 'film.mp4'))).size).toBe(film.length);
  });

  it('keep the error of a duplicate on the duplicate', async () => {
    const client = start();
    const clientErrors: Error[] = [];
    client.on('error', (error) => clientErrors.push(error));
    const seed = await seedFolder(client);
    const second = client.add(seed.magnetURI!, { path: join(root, 'target') });
    await expect(second.untilReady()).rejects.toBeInstanceOf(DuplicateTorrentError);
    expect(seed.destroyed).toBe(false);
    expect(await client.get(seed.magnetURI!)).toBe(seed);
    expect(clientErrors).toEqual([]);
  });

  it('seed bytes and streams, and add torrent files from disk', async () => {
    const seeder = start();
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield film.subarray(0, 100_000);
      yield film.subarray(100_000, 200_000);
    }
    const seed = await seeder
      .seed(
        [Object.assign(Uint8Array.from(text), { name: 'a.txt' }), Object.assign(stream(), { name: 'b.bin' })],
        {
          name: 'Mixed',
        },
      )
      .untilDone();
    const torrentFile = join(root, 'mixed.torrent');
    await writeFile(torrentFile, seed.torrentFile!);
    const torrent = start().add(torrentFile, { path: join(root, 'target') });
    await connect(torrent, seeder);
    await torrent.untilDone();
    expect(await readFile(join(root, 'target', 'Mixed', 'a.txt'))).toEqual(text);
    expect(sha1(await readFile(join(root, 'target', 'Mixed', 'b.bin')))).toBe(
      sha1(film.subarray(0, 200_000)),
    );
  });

  it('say in one sentence what is wrong with a torrent, a path or a port', async () => {
    const client = start();
    await expect(client.add(join(root, 'missing.torrent')).untilReady()).rejects.toThrow(
      /missing\.torrent could not be read: there is no such file or folder\.$/,
    );
    await expect(client.add('magnet:?dn=nothing').untilReady()).rejects.toThrow(/no info-hash/);
    await expect(client.add(Buffer.from('d4:infoi1ee')).untilReady()).rejects.toThrow(/info/);
    await expect(client.seed(join(root, 'nothing')).untilReady()).rejects.toThrow(
      /nothing cannot be seeded: there is no such file or folder\.$/,
    );
    const port = await listening(client);
    const second = start({ torrentPort: port });
    const error = await new Promise<Error>((resolve) => second.once('error', resolve));
    expect(error.message).toMatch(new RegExp(`Port ${port} is in use`));
    expect(second.destroyed).toBe(true);
  });

  it('pause for real, and go on', async () => {
    const seeder = start();
    const seed = await seedFolder(seeder);
    const leecher = start({ downloadLimit: 500_000 });
    const torrent = leecher.add(seed.magnetURI!, { path: join(root, 'target') });
    await connect(torrent, seeder);
    await new Promise<void>((resolve) => torrent.once('verified', () => resolve()));
    torrent.pause();
    expect(torrent.paused).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = torrent.received;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(torrent.received).toBe(before);
    expect(torrent.numPeers).toBe(0);
    leecher.throttleDownload(-1);
    torrent.resume();
    await connect(torrent, seeder);
    await torrent.untilDone();
    expect(sha1(await readFile(join(root, 'target', 'My Folder', 'film.mp4')))).toBe(sha1(film));
  });
});

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}
