import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTracker, type Tracker, type TrackerAddress, type TrackerOptions } from 'freshet-tracker';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFile, makeTempDir, removeDir, sha256Tree } from '../support/files.ts';
import { JsonProgram } from '../support/process.ts';
import { waitUntil, within } from '../support/wait.ts';
import { Aria2Peer } from './peers/aria2.ts';
import { createTorrentWithLibtorrent, LibtorrentPeer } from './peers/libtorrent.ts';
import { TransmissionPeer } from './peers/transmission.ts';
import type { TestPeer } from './peers/types.ts';

const SCRIPT = fileURLToPath(new URL('webtorrent-family/tracker-client.mjs', import.meta.url));
/** Hashes and ids with every kind of byte. */
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
const INFO_HASH = sha1('a film');
const OTHER_HASH = sha1('another film');

type Event = Record<string, unknown>;

const trackers: Tracker[] = [];
const programs: JsonProgram[] = [];

afterAll(async () => {
  for (const program of programs) await program.stop();
  for (const tracker of trackers) await tracker.close();
});

async function startTracker(
  options: TrackerOptions = {},
): Promise<{ tracker: Tracker; address: TrackerAddress }> {
  const tracker = createTracker({ host: '127.0.0.1', port: 0, interval: 30, ...options });
  trackers.push(tracker);
  return { tracker, address: await tracker.listen() };
}

/** A process of the npm tracker client, and everything it has reported. */
function startProcess(): { program: JsonProgram; events: Event[] } {
  const program = new JsonProgram('bittorrent-tracker client', process.execPath, [SCRIPT]);
  programs.push(program);
  const events: Event[] = [];
  program.onEvent((event) => events.push(event));
  return { program, events };
}

interface NpmClient {
  do(command: string, fields?: object): Promise<unknown>;
  /** Waits for an event of this client and takes it out. */
  next(kind: string): Promise<Event>;
  /** Fails if the client has complained. */
  expectNoComplaint(): void;
}

async function startClient(
  name: string,
  options: { url: string; left: number; port?: number; infoHash?: string },
  process = startProcess(),
): Promise<NpmClient> {
  const { program, events } = process;
  const { url, left, port = 6881, infoHash = INFO_HASH } = options;
  const act = (command: string, fields: object = {}): Promise<unknown> =>
    program.request(command, { client: name, ...fields });
  await act('create', { infoHash, peerId: sha1(name), announce: [url], port, left });
  const complaints = (): Event[] =>
    events.filter(
      (event) => event['client'] === name && ['warning', 'fault'].includes(String(event['event'])),
    );
  return {
    do: act,
    next: (kind) =>
      waitUntil(
        `${name} to report ${kind}`,
        () => {
          const index = events.findIndex((event) => event['client'] === name && event['event'] === kind);
          return index >= 0 && events.splice(index, 1)[0]!;
        },
        { timeout: 30_000 },
      ),
    expectNoComplaint: () => expect(complaints()).toEqual([]),
  };
}

// Concurrent because its WebRTC gathers candidates for five seconds before each offer and each answer.
describe.concurrent("the npm tracker's client at our tracker", () => {
  it('announces and scrapes over HTTP', async () => {
    const { tracker, address } = await startTracker();
    const url = address.httpUrl;
    const seed = await startClient('seed', { url, left: 0, port: 7001 });
    await seed.do('start');
    expect(await seed.next('update')).toMatchObject({ complete: 1, incomplete: 0, interval: 30 });
    const leech = await startClient('leech', { url, left: 5, port: 7002 });
    await leech.do('start');
    expect(await leech.next('update')).toMatchObject({ complete: 1, incomplete: 1 });
    expect(await leech.next('peer')).toMatchObject({ address: '127.0.0.1:7001' });
    await leech.do('complete');
    expect(await leech.next('update')).toMatchObject({ complete: 2, incomplete: 0 });
    await leech.do('scrape', { infoHash: [INFO_HASH, OTHER_HASH] });
    const scraped = [await leech.next('scrape'), await leech.next('scrape')];
    expect(scraped).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ infoHash: INFO_HASH, complete: 2, incomplete: 0, downloaded: 1 }),
        expect.objectContaining({ infoHash: OTHER_HASH, complete: 0, incomplete: 0, downloaded: 0 }),
      ]),
    );
    await seed.do('stop');
    expect(await seed.next('update')).toMatchObject({ complete: 1, incomplete: 0 });
    await leech.do('stop');
    await leech.next('update');
    seed.expectNoComplaint();
    leech.expectNoComplaint();
    expect(tracker.stats()).toMatchObject({ swarms: 0, peers: 0 });
  });

  it('connects WebRTC peers of two processes', async () => {
    const { tracker, address } = await startTracker();
    const url = address.wsUrl;
    const seed = await startClient('seed', { url, left: 0 });
    await seed.do('start');
    expect(await seed.next('update')).toMatchObject({ complete: 1, incomplete: 0, interval: 30 });
    const leech = await startClient('leech', { url, left: 5 });
    await leech.do('start');
    expect(await leech.next('update')).toMatchObject({ complete: 1, incomplete: 1 });
    expect(await seed.next('data')).toMatchObject({ from: sha1('leech'), text: 'hello from leech' });
    expect(await leech.next('data')).toMatchObject({ from: sha1('seed'), text: 'hello from seed' });
    await leech.do('update');
    expect(await leech.next('update')).toMatchObject({ complete: 1, incomplete: 1 });
    await leech.do('complete');
    expect(await leech.next('update')).toMatchObject({ complete: 2, incomplete: 0 });
    await leech.do('scrape', { infoHash: [INFO_HASH, OTHER_HASH] });
    const scraped = [await leech.next('scrape'), await leech.next('scrape')];
    expect(scraped).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ infoHash: INFO_HASH, complete: 2, downloaded: 1 }),
        expect.objectContaining({ infoHash: OTHER_HASH, complete: 0, downloaded: 0 }),
      ]),
    );
    await leech.do('stop');
    expect(await leech.next('update')).toMatchObject({ complete: 1, incomplete: 0 });
    await seed.do('destroy');
    await waitUntil('the swarm to be forgotten', () => tracker.stats().peers === 0, { timeout: 10_000 });
    seed.expectNoComplaint();
    leech.expectNoComplaint();
    expect(tracker.stats().totals).toMatchObject({ failures: 0, answers: 1 });
  });

  it('connects peers that share one WebSocket, and keeps their torrents apart', async () => {
    const { tracker, address } = await startTracker();
    const url = address.wsUrl;
    const process = startProcess();
    const seed = await startClient('seed', { url, left: 0 }, process);
    await seed.do('start');
    await seed.next('update');
    const other = await startClient('other', { url, left: 5, infoHash: OTHER_HASH }, process);
    await other.do('start');
    expect(await other.next('update')).toMatchObject({ complete: 0, incomplete: 1 });
    const leech = await startClient('leech', { url, left: 5 }, process);
    await leech.do('start');
    expect(await leech.next('update')).toMatchObject({ complete: 1, incomplete: 1 });
    expect(await leech.next('data')).toMatchObject({ text: 'hello from seed' });
    expect(tracker.stats()).toMatchObject({ connections: 1, peers: 3, webrtc: { swarms: 2 } });
    for (const client of [seed, other, leech]) client.expectNoComplaint();
  });

  it('hears a refusal as a warning for the torrent it is about, and goes on', async () => {
    const { address } = await startTracker({
      filter: (infoHash) => (infoHash === INFO_HASH ? true : { refused: 'not on this tracker' }),
    });
    const process = startProcess();
    const refused = await startClient(
      'refused',
      { url: address.wsUrl, left: 5, infoHash: OTHER_HASH },
      process,
    );
    await refused.do('start');
    expect(await refused.next('warning')).toMatchObject({ message: 'not on this tracker' });
    const served = await startClient('served', { url: address.wsUrl, left: 5 }, process);
    await served.do('start');
    expect(await served.next('update')).toMatchObject({ incomplete: 1 });
    served.expectNoComplaint();
    const classic = await startClient('classic', { url: address.httpUrl, left: 5, infoHash: OTHER_HASH });
    await classic.do('start');
    expect(await classic.next('warning')).toMatchObject({ message: 'not on this tracker' });
  });
});

describe.concurrent('classic clients at our tracker', () => {
  const start = {
    libtorrent: (): Promise<TestPeer> => LibtorrentPeer.start(),
    aria2: (): Promise<TestPeer> => Aria2Peer.start(),
    Transmission: (): Promise<TestPeer> => TransmissionPeer.start(),
  };

  // Transmission only seeds: it drops addresses of 127.0.0.0/8 that a tracker names.
  it.each([
    ['libtorrent', 'aria2'],
    ['aria2', 'libtorrent'],
    ['Transmission', 'libtorrent'],
  ] as const)('bring %s and %s together', async (seederName, leecherName) => {
    const { tracker, address } = await startTracker();
    const folder = await makeTempDir('tracker');
    const peers: TestPeer[] = [];
    try {
      await makeFile(join(folder, 'data', 'film', 'film.bin'), 1_000_003, 7);
      const torrentFile = join(folder, 'film.torrent');
      await createTorrentWithLibtorrent({ path: join(folder, 'data', 'film'), output: torrentFile });
      const trackers = [address.httpUrl];
      const seeder = await start[seederName]();
      peers.push(seeder);
      await seeder.seed({ torrentFile, dataDir: join(folder, 'data'), trackers });
      await waitUntil('the seeder to announce', () => tracker.stats().seeds === 1, { timeout: 20_000 });
      const leecher = await start[leecherName]();
      peers.push(leecher);
      const dir = join(folder, 'out');
      const { completed } = await leecher.download({ torrentFile, dir, trackers });
      await within(completed, 60_000, `${leecherName} from ${seederName}`);
      expect(await sha256Tree(join(dir, 'film'))).toEqual(await sha256Tree(join(folder, 'data', 'film')));
      expect(tracker.stats()).toMatchObject({ peers: 2, totals: { failures: 0 } });
    } finally {
      await Promise.all(peers.map((peer) => peer.stop()));
      await removeDir(folder);
    }
  });
});
