/**
 * A client with torrents in every state and with everything open that a client can open. It is destroyed, and nothing
 * else is done: the process must end by itself. Tells on standard output what it is doing.
 */

import { mkdir } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Client, { type Torrent } from 'freshet';

export interface ChildOptions {
  readonly folder: string;
  /** Contents of torrent files, in base 64. */
  readonly downloading: string;
  readonly watched: string;
  readonly fromWeb: string;
  readonly checked: string;
  readonly failing: string;
  readonly webSeed: string;
  readonly trackers: readonly string[];
  /** Address of the seeder, for TCP. */
  readonly peer: string;
}

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const tell = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
const inFolder = (name: string): string => join(options.folder, name);

const client = new Client({ host: '127.0.0.1', maxActiveDownloads: 3 });
const states: Record<string, Torrent> = {};
const add = (name: string, id: Uint8Array | string, more: object = {}): Torrent => {
  const torrent = client.add(id, { path: inFolder(name), announce: options.trackers, ...more });
  torrent.on('error', () => undefined);
  states[name] = torrent;
  return torrent;
};

await mkdir(inFolder('checked'), { recursive: true });
// A folder where a file is wanted.
await mkdir(join(inFolder('failing'), 'failing.bin', 'folder'), { recursive: true });

add('magnet', '1'.repeat(40));
const downloading = add('downloading', bytes(options.downloading), {
  downloadLimit: 60_000,
  peers: [options.peer],
});
const watched = add('watched', bytes(options.watched), {
  downloadLimit: 60_000,
  // WebSockets only, which introduce WebRTC peers.
  announce: options.trackers.slice(0, 1),
});
add('fromWeb', bytes(options.fromWeb), { urlList: [options.webSeed], downloadLimit: 60_000, announce: [] });
add('paused', '2'.repeat(40), { paused: true });
add('queued', '3'.repeat(40));
add('failing', bytes(options.failing), { destroyOnError: false, peers: [options.peer] }).forceStart();
states['seeding'] = client.seed(Object.assign(Buffer.alloc(300_000, 7), { name: 'seeding.bin' }), {
  announce: options.trackers,
});

const server = client.createServer();
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
await watched.untilReady();
void (async () => {
  for await (const _part of watched.files[0]!) {
    // Read to the end, which does not come.
  }
})().catch((error: unknown) => tell({ reader: (error as { code?: string }).code ?? String(error) }));
const stream = watched.files[0]!.createReadStream();
stream.on('error', () => undefined);
const { port } = server.address() as { port: number };
const response = get(new URL(watched.files[0]!.streamURL, `http://127.0.0.1:${port}`), { agent: false });
response.on('error', () => undefined);
response.on('response', (message) => message.on('error', () => undefined).resume());

await Promise.race([
  Promise.all([downloading, watched].map(hasSome)),
  sleep(20_000, undefined, { ref: false }),
]);
// Last of all, so that it is still at it.
add('checked', bytes(options.checked), { path: options.folder });
await new Promise((resolve) => states['checked']!.once('checking', resolve));
tell({
  states: Object.fromEntries(
    Object.entries(states).map(([name, torrent]) => [name, torrent.queued ? 'queued' : torrent.stats.state]),
  ),
  peers: client.torrents.flatMap((torrent) => torrent.wires.map((wire) => wire.type)),
});

const startedAt = performance.now();
await client.destroy();
// The pipe to whoever started it is not the client's.
const ours = process
  .getActiveResourcesInfo()
  .filter((name) => !/^(PipeWrap|TTYWrap|WriteWrap|Immediate)$/.test(name));
tell({ destroyed: Math.round(performance.now() - startedAt), left: ours });

function hasSome(torrent: Torrent): Promise<void> {
  return new Promise((resolve) => {
    torrent.on('download', () => {
      if (torrent.received > 100_000) resolve();
    });
  });
}
