import { describe, expect, it } from 'vitest';
import { AbortedError, ArgumentError } from '../session/errors.ts';
import type { PeerSnapshot } from '../session/protocol.ts';
import {
  HASH,
  infoHashEvent,
  METADATA,
  type ScriptedSession,
  scriptedClient,
  statsOf,
  turn,
} from './scripted-session.contract.ts';
import type { Torrent } from './torrent.ts';

async function started(): Promise<{ torrent: Torrent; session: ScriptedSession }> {
  const { client, session } = scriptedClient();
  const torrent = client.add(HASH);
  session.data = Uint8Array.from({ length: 35 }, (_, index) => index);
  await turn();
  session.say(1, infoHashEvent());
  session.say(1, { type: 'metadata', metadata: METADATA });
  session.say(1, { type: 'ready', verified: Uint8Array.of(0), stats: statsOf() });
  return { torrent, session };
}

const peer: PeerSnapshot = {
  id: 9,
  peerId: 'bb'.repeat(20),
  address: '::1',
  port: 6881,
  transport: 'tcp',
  incoming: true,
  client: 'Test',
  progress: 0,
  downloaded: 0,
  uploaded: 0,
  downloadSpeed: 0,
  uploadSpeed: 0,
  amChoking: true,
  amInterested: false,
  peerChoking: true,
  peerInterested: false,
  isSeed: false,
  uploadOnly: false,
  isOrigin: false,
  v2: false,
};

describe('Torrent', () => {
  it('has files that know what went on before anybody looked at them', async () => {
    const { torrent, session } = await started();
    session.say(1, { type: 'renamed', files: [{ index: 1, path: 'elsewhere/b' }] });
    session.say(1, {
      type: 'progress',
      downloaded: 35,
      uploaded: 0,
      verified: [0, 1],
      partial: [],
      stats: statsOf(),
    });
    const { files } = torrent;
    expect(torrent.files).toBe(files);
    expect(files.reduce((sum, file) => sum + file.downloaded, 0)).toBe(20);
    expect(files.map(({ path, storagePath }) => path === storagePath)).toEqual(
      files.map((_, index) => index !== 1),
    );
    const done: string[] = [];
    for (const file of files) file.on('done', () => done.push(file.name));
    const missing = files.filter((file) => !file.done).map(({ name }) => name);
    session.say(1, {
      type: 'progress',
      downloaded: 0,
      uploaded: 0,
      verified: [2, 3],
      partial: [],
      stats: statsOf(),
    });
    expect(done).toEqual(missing);
    expect(files.every((file) => file.done)).toBe(true);
  });

  it('shows the metadata', async () => {
    const { torrent } = await started();
    expect(torrent.infoHash).toBe(HASH);
    expect(torrent.magnetURI).toBe(METADATA.magnetURI);
    expect(torrent.created?.toISOString()).toBe('1970-01-02T00:00:00.000Z');
    expect([torrent.length, torrent.pieceLength, torrent.lastPieceLength]).toEqual([35, 10, 5]);
    expect([torrent.comment, torrent.createdBy, torrent.path, torrent.maxWebConns]).toEqual([
      'for the test',
      'somebody',
      '/downloads',
      4,
    ]);
    expect(await torrent.torrentFileBlob?.arrayBuffer()).toEqual(Uint8Array.of(1, 2, 3).buffer);
    expect(torrent.files.map((file) => [file.name, file.type, file.length])).toEqual([
      ['a.mp4', 'video/mp4', 25],
      ['empty.txt', 'text/plain', 0],
      ['ü b.txt', 'text/plain', 10],
    ]);
  });

  it('counts verified bytes by file and pieces that miss something', async () => {
    const { torrent, session } = await started();
    expect(torrent.pieces).toMatchObject([{ length: 10 }, { length: 10 }, { length: 10 }, { length: 5 }]);
    session.say(1, {
      type: 'progress',
      downloaded: 14,
      uploaded: 3,
      verified: [2],
      partial: [[3, 4]],
      stats: statsOf({
        verifiedBytes: 10,
        wantedVerifiedBytes: 10,
        received: { tcp: 10, webseed: 4 },
        uploaded: 7,
        downloadSpeed: 50,
      }),
    });
    const [film, empty, text] = torrent.files;
    expect([film?.downloaded, empty?.downloaded, text?.downloaded]).toEqual([5, 0, 5]);
    expect([film?.progress, empty?.progress, text?.progress]).toEqual([0.2, 1, 0.5]);
    expect([film?.done, empty?.done, text?.done]).toEqual([false, true, false]);
    expect(torrent.pieces).toMatchObject([{ missing: 10 }, { missing: 10 }, null, { length: 5, missing: 1 }]);
    expect(torrent.bitfield?.get(2)).toBe(true);
    expect([torrent.received, torrent.uploaded, torrent.ratio]).toEqual([14, 7, 0.5]);
    expect(torrent.timeRemaining).toBe(500);
    expect(torrent.progress).toBeCloseTo(10 / 35);
    expect(film?.includes(2)).toBe(true);
    expect(film?.includes(3)).toBe(false);
    expect(text?.includes(2)).toBe(true);
  });

  it('counts anew when a recheck finds pieces gone', async () => {
    const { torrent, session } = await started();
    session.say(1, { type: 'ready', verified: Uint8Array.of(0xf0), stats: statsOf({ verifiedBytes: 35 }) });
    expect(torrent.files.every((file) => file.done)).toBe(true);
    session.say(1, { type: 'ready', verified: Uint8Array.of(0xe0), stats: statsOf({ verifiedBytes: 30 }) });
    expect(torrent.files.map((file) => file.downloaded)).toEqual([25, 0, 5]);
    expect(torrent.files.map((file) => file.done)).toEqual([true, true, false]);
  });

  it('is no longer done when more is selected, and waits for that', async () => {
    const { torrent, session } = await started();
    const progress = { type: 'progress', downloaded: 0, uploaded: 0, verified: [], partial: [] } as const;
    const half = statsOf({ wantedBytes: 10, wantedVerifiedBytes: 10 });
    session.say(1, { ...progress, stats: half });
    session.say(1, { type: 'done' });
    expect(torrent.done).toBe(true);
    torrent.files[0]?.select();
    session.say(1, { ...progress, stats: { ...half, wantedBytes: 35 } });
    expect([torrent.done, torrent.timeRemaining]).toEqual([false, Number.POSITIVE_INFINITY]);
    const again = torrent.untilDone();
    session.say(1, { type: 'done' });
    expect((await again).done).toBe(true);
  });

  it('keeps wires as peers come, change and go', async () => {
    const { torrent, session } = await started();
    const seen: unknown[] = [];
    torrent.on('wire', (wire, address) => seen.push(wire.type, address));
    session.say(1, { type: 'peer', peer });
    expect(seen).toEqual(['tcpIncoming', '[::1]:6881']);
    const [wire] = torrent.wires;
    session.say(1, { type: 'peers', peers: [{ ...peer, downloadSpeed: 12 }] });
    expect(wire?.downloadSpeed).toBe(12);
    wire?.destroy();
    expect(session.named('removePeer')).toEqual([{ torrent: 1, peer: 9 }]);
    wire?.on('close', () => seen.push('closed'));
    session.say(1, { type: 'peerClosed', id: 9 });
    expect(torrent.numPeers).toBe(0);
    expect(seen.at(-1)).toBe('closed');
  });

  it('gives commands on', async () => {
    const { torrent, session } = await started();
    torrent.select(0, 2);
    torrent.select(0, 1, 6);
    torrent.deselect(1, 3);
    torrent.critical(1, 1);
    torrent.files[2]?.select(2);
    torrent.files[0]?.deselect();
    expect(torrent.addPeer('127.0.0.1:6881')).toBe(true);
    expect(torrent.addPeer('nonsense')).toBe(false);
    torrent.pause();
    torrent.pause();
    expect(torrent.paused).toBe(true);
    torrent.resume();
    expect(session.commands.slice(1).map(({ command, args }) => [command, args])).toEqual([
      ['selectPieces', { torrent: 1, first: 0, last: 2, priority: 1 }],
      ['selectPieces', { torrent: 1, first: 0, last: 1, priority: 7 }],
      ['deselectPieces', { torrent: 1, first: 1, last: 3 }],
      ['criticalPieces', { torrent: 1, first: 1, last: 1 }],
      ['selectFiles', { torrent: 1, files: [{ index: 2, priority: 3 }] }],
      ['selectFiles', { torrent: 1, files: [{ index: 0, priority: 0 }] }],
      ['addPeer', { torrent: 1, address: '127.0.0.1:6881' }],
      ['pause', { torrent: 1 }],
      ['resume', { torrent: 1 }],
    ]);
  });

  it('keeps commands until the session knows the torrent', async () => {
    const { client, session } = scriptedClient();
    const torrent = client.add(HASH);
    torrent.addPeer('127.0.0.1:6881');
    torrent.pause();
    const peers = torrent.peers();
    expect(session.commands).toEqual([]);
    await turn();
    await peers;
    expect(session.commands.map(({ command }) => command)).toEqual(['add', 'addPeer', 'pause', 'peers']);
  });

  it('makes a warning of a command that fails', async () => {
    const { torrent, session } = await started();
    const warnings: Error[] = [];
    torrent.on('warning', (error) => warnings.push(error));
    session.answer = () => {
      throw new RangeError('No such piece.');
    };
    torrent.select(99, 100);
    await turn();
    expect(warnings).toMatchObject([{ code: 'INTERNAL', message: 'No such piece.' }]);
  });

  it('stops waiting when asked to', async () => {
    const { torrent } = await started();
    await expect(torrent.untilReady()).resolves.toBe(torrent);
    const abort = new AbortController();
    const done = torrent.untilDone(abort.signal);
    abort.abort(new Error('enough'));
    await expect(done).rejects.toBeInstanceOf(AbortedError);
    await expect(torrent.untilDone(abort.signal)).rejects.toBeInstanceOf(AbortedError);
  });
});

describe('File', () => {
  it('gives exactly the bytes asked for, ends included, in every form', async () => {
    const { torrent } = await started();
    const text = torrent.files[2]!;
    const all = Array.from({ length: 10 }, (_, index) => 25 + index);
    expect([...new Uint8Array(await text.arrayBuffer())]).toEqual(all);
    expect([...new Uint8Array(await text.arrayBuffer({ end: 0 }))]).toEqual([25]);
    expect([...new Uint8Array(await text.arrayBuffer({ start: 9, end: 99 }))]).toEqual([34]);
    expect([...new Uint8Array(await text.arrayBuffer({ start: 10 }))]).toEqual([]);
    expect([...new Uint8Array(await (await text.blob({ start: 2, end: 3 })).arrayBuffer())]).toEqual([
      27, 28,
    ]);
    expect((await text.blob()).type).toBe('text/plain');
    const iterated: number[] = [];
    for await (const chunk of text) iterated.push(...chunk);
    expect(iterated).toEqual(all);
    const streamed: number[] = [];
    for await (const chunk of text.stream({ start: 1, end: 8 })) streamed.push(...chunk);
    expect(streamed).toEqual(all.slice(1, 9));
    expect((await torrent.files[1]!.arrayBuffer()).byteLength).toBe(0);
  });

  it('refuses ranges that mean nothing', async () => {
    const { torrent } = await started();
    const file = torrent.files[0]!;
    await expect(file.arrayBuffer({ start: -1 })).rejects.toBeInstanceOf(ArgumentError);
    await expect(file.arrayBuffer({ start: 5, end: 2 })).rejects.toBeInstanceOf(ArgumentError);
    await expect(file.stream({ start: 0.5 }).getReader().read()).rejects.toBeInstanceOf(ArgumentError);
  });

  it('reads only what is pulled and stops when nobody reads on', async () => {
    const { torrent, session } = await started();
    const stream = torrent.files[0]!.stream();
    await turn();
    expect(session.readers).toEqual([]);
    const reader = stream.getReader();
    expect((await reader.read()).value).toEqual(session.data.slice(0, 7));
    await reader.cancel();
    expect(session.readers).toMatchObject([{ start: 0, end: 25, cancelled: true }]);
    for await (const _ of torrent.files[0]!) break;
    expect(session.readers[1]?.cancelled).toBe(true);
  });

  it('ends a stream whose signal fires', async () => {
    const { torrent, session } = await started();
    const abort = new AbortController();
    const iterator = torrent.files[0]![Symbol.asyncIterator]({ signal: abort.signal });
    await iterator.next();
    abort.abort();
    expect(session.readers[0]?.cancelled).toBe(true);
    await expect(iterator.next()).rejects.toBeInstanceOf(AbortedError);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('flows as a stream with events, pauses, pipes and is destroyed', async () => {
    const { torrent, session } = await started();
    const got: number[] = [];
    const events: string[] = [];
    const stream = torrent.files[2]!.createReadStream();
    stream.on('end', () => events.push('end'));
    stream.on('data', (chunk) => got.push(...chunk));
    await new Promise<void>((resolve) => stream.on('close', resolve));
    expect(got).toEqual(Array.from({ length: 10 }, (_, index) => 25 + index));
    expect(events).toEqual(['end']);

    const piped: number[] = [];
    await new Promise<void>((resolve) => {
      torrent.files[0]!.createReadStream({ end: 9 }).pipe({
        write: (chunk: Uint8Array) => piped.push(...chunk),
        end: resolve,
      });
    });
    expect(piped).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

    const broken = torrent.files[0]!.createReadStream();
    const failures: Error[] = [];
    broken.on('error', (error) => failures.push(error));
    broken.once('data', () => broken.destroy(new Error('no more')));
    await new Promise<void>((resolve) => broken.on('close', resolve));
    expect(failures.map((error) => error.message)).toEqual(['no more']);
    expect(session.readers.at(-1)?.cancelled).toBe(true);
  });

  it('has an address once there is a server', async () => {
    const { client, session } = scriptedClient();
    const torrent = client.add(HASH);
    await turn();
    session.say(1, infoHashEvent());
    session.say(1, { type: 'metadata', metadata: METADATA });
    const file = torrent.files[2]!;
    expect(() => file.streamURL).toThrow(ArgumentError);
    client.createServer();
    expect(() => client.createServer()).toThrow(ArgumentError);
    expect(file.streamURL).toBe(`/webtorrent/${HASH}/Folder/%C3%BC%20b.txt`);
    expect(file.delivery).toBeUndefined();
    const element = { src: '' };
    const told: unknown[] = [];
    file.on('delivery', (delivery) => told.push(delivery));
    expect(file.streamTo(element)).toBe(element);
    expect(element.src).toBe(file.streamURL);
    expect(file.delivery).toEqual({ element, kind: 'server', url: file.streamURL });
    expect(told).toEqual([file.delivery]);
  });
});
