import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  AbortedError,
  ArgumentError,
  DestroyedError,
  DuplicateTorrentError,
  InvalidTorrentError,
  StorageError,
  TorrentNotFoundError,
} from '../session/errors.ts';
import { Client } from './client.ts';
import { HASH, infoHashEvent, METADATA, scriptedClient, statsOf, turn } from './scripted-session.contract.ts';
import type { Torrent } from './torrent.ts';

const MAGNET = `magnet:?xt=urn:btih:${HASH}`;

describe('Client', () => {
  it('has the version of the package', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(Client.VERSION).toBe(manifest.version);
  });

  it('emits the events of a download in WebTorrent’s order', async () => {
    const { client, session } = scriptedClient();
    const order: string[] = [];
    client.on('add', () => order.push('client add'));
    client.on('torrent', () => order.push('client torrent'));
    const torrent = client.add(MAGNET, (ready) => order.push(`callback ${ready.name}`));
    for (const event of ['infoHash', 'metadata', 'ready', 'download', 'verified', 'done', 'idle'] as const) {
      torrent.on(event, () => void order.push(event));
    }
    await turn();
    expect(session.named('add')).toMatchObject([{ torrent: 1, source: { kind: 'magnet', uri: MAGNET } }]);
    session.say(1, infoHashEvent());
    session.say(1, { type: 'metadata', metadata: METADATA });
    torrent.files[0]?.on('done', () => void order.push('file done'));
    session.say(1, { type: 'ready', verified: Uint8Array.of(0b1000_0000), stats: statsOf() });
    session.say(1, {
      type: 'progress',
      downloaded: 25,
      uploaded: 0,
      verified: [1, 2, 3],
      partial: [],
      stats: statsOf({ verifiedBytes: 35 }),
    });
    session.say(1, { type: 'done' });
    expect(order).toEqual([
      'client add',
      'infoHash',
      'metadata',
      'callback Folder',
      'client torrent',
      'ready',
      'download',
      'verified',
      'verified',
      'verified',
      'file done',
      'done',
      'idle',
    ]);
    expect(torrent.done).toBe(true);
    expect(torrent.progress).toBe(1);
  });

  it('tells the kinds of torrent ids apart', async () => {
    const { client, session } = scriptedClient();
    client.add(HASH);
    client.add('https://example.org/film.torrent');
    client.add('./film.torrent');
    client.add(new Uint8Array(20).fill(0xab));
    client.add(new Uint8Array([1, 2, 3]));
    client.add(new Blob(['x']));
    client.add({ infoHash: HASH, announce: ['wss://one'] }, { announce: ['wss://two'] });
    const v2 = 'AB'.repeat(32);
    client.add(v2);
    client.add(new Uint8Array(32).fill(0xab));
    client.add({ infoHash: HASH, infoHashV2: v2 });
    client.add({ infoHash: v2.slice(0, 40), infoHashV2: v2 });
    await turn();
    expect(session.named('add')).toMatchObject([
      { source: { kind: 'infoHash', text: HASH } },
      { source: { kind: 'url', url: 'https://example.org/film.torrent' } },
      { source: { kind: 'path', path: './film.torrent' } },
      { source: { kind: 'infoHash', text: 'ab'.repeat(20) } },
      { source: { kind: 'metainfo' } },
      { source: { kind: 'blob' } },
      { source: { kind: 'infoHash', text: HASH }, options: { announce: ['wss://two', 'wss://one'] } },
      { source: { kind: 'infoHash', text: v2 } },
      { source: { kind: 'infoHash', text: v2.toLowerCase() } },
      { source: { kind: 'magnet', uri: `magnet:?xt=urn:btih:${HASH}&xt=urn:btmh:1220${v2}` } },
      { source: { kind: 'magnet', uri: `magnet:?xt=urn:btmh:1220${v2}` } },
    ]);
  });

  it('reports what is no torrent on the torrent, later, and destroys it', async () => {
    const { client } = scriptedClient();
    const torrent = client.add(42 as unknown as string);
    const errors: Error[] = [];
    torrent.on('error', (error) => errors.push(error));
    expect(client.torrents).toEqual([torrent]);
    await turn();
    expect(errors).toEqual([expect.any(InvalidTorrentError)]);
    expect(torrent.destroyed).toBe(true);
    expect(client.torrents).toEqual([]);
  });

  it('gives an error that nobody listens to for to the client, and stays usable', async () => {
    const { client, session } = scriptedClient();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.add(MAGNET);
    await turn();
    session.say(1, {
      type: 'error',
      error: { name: 'DiskError', code: 'FULL', message: 'The disk is full.' },
      resumable: true,
    });
    expect(errors).toEqual([expect.any(StorageError)]);
    expect(errors[0]).toMatchObject({ code: 'FULL', message: 'The disk is full.' });
    expect(client.destroyed).toBe(false);
    expect(client.torrents).toEqual([]);
  });

  it('keeps a torrent after a storage fault when asked to, and resumes it', async () => {
    const { client, session } = scriptedClient();
    const torrent = client.add(MAGNET, { destroyOnError: false });
    const errors: Error[] = [];
    torrent.on('error', (error) => errors.push(error));
    await turn();
    const waiting = expect(torrent.untilDone()).rejects.toMatchObject({ code: 'FULL' });
    const error = { name: 'DiskError', code: 'FULL', message: 'The disk is full.' };
    session.say(1, { type: 'error', error, resumable: true });
    await waiting;
    expect(errors).toHaveLength(1);
    expect(torrent.destroyed).toBe(false);
    expect(torrent.failure).toMatchObject({ code: 'FULL' });
    torrent.resume();
    expect(session.named('resume')).toEqual([{ torrent: 1 }]);
    expect(torrent.failure).toBeUndefined();
  });

  it('keeps the error of a duplicate on the duplicate', async () => {
    const { client, session } = scriptedClient();
    const clientErrors: Error[] = [];
    client.on('error', (error) => clientErrors.push(error));
    const first = client.add(MAGNET);
    const called: Torrent[] = [];
    const second = client.add(MAGNET, (torrent) => called.push(torrent));
    await turn();
    session.say(1, infoHashEvent());
    const waiting = second.untilReady();
    const message = `Cannot add duplicate torrent ${HASH}`;
    session.say(2, {
      type: 'error',
      error: { name: 'DuplicateTorrentError', code: 'DUPLICATE_TORRENT', message },
      resumable: false,
    });
    await expect(waiting).rejects.toThrow(message);
    await expect(waiting).rejects.toBeInstanceOf(DuplicateTorrentError);
    expect(second.destroyed).toBe(true);
    expect(first.destroyed).toBe(false);
    expect(clientErrors).toEqual([]);
    expect(called).toEqual([]);
  });

  it('finds and removes torrents', async () => {
    const { client, session } = scriptedClient();
    const torrent = client.add(MAGNET);
    await turn();
    session.say(1, infoHashEvent());
    session.answer = (command) => (command === 'identify' ? [HASH] : undefined);
    expect(await client.get(HASH)).toBe(torrent);
    expect(await client.get(torrent)).toBe(torrent);
    const order: string[] = [];
    torrent.on('close', () => order.push('close'));
    let torn: () => void = () => undefined;
    session.answer = (command) =>
      command === 'identify' ? [HASH] : new Promise<void>((resolve) => (torn = resolve));
    const removed = client.remove(MAGNET, { destroyStore: true }, (error) => order.push(`callback ${error}`));
    await turn();
    expect(client.torrents).toEqual([]);
    expect(order).toEqual([]);
    torn();
    await removed;
    expect(order).toEqual(['close', 'callback null']);
    expect(session.named('remove')).toEqual([{ torrent: 1, destroyStore: true }]);
    await expect(client.remove(MAGNET)).rejects.toBeInstanceOf(TorrentNotFoundError);
    expect(await client.get(HASH)).toBeNull();
  });

  it('tears everything down once, and refuses quietly afterwards', async () => {
    const { client, session } = scriptedClient();
    const torrent = client.add(MAGNET);
    const calls: (Error | null)[] = [];
    const first = client.destroy((error) => calls.push(error));
    expect(client.destroy((error) => calls.push(error))).toBe(first);
    await first;
    await turn();
    expect(calls).toEqual([null, null]);
    expect(session.closed).toBe(1);
    expect(torrent.destroyed).toBe(true);
    const late = client.add(MAGNET);
    await expect(late.untilReady()).rejects.toBeInstanceOf(DestroyedError);
    expect(client.torrents).toEqual([]);
    client.throttleDownload(10);
    torrent.pause();
    torrent.select(0, 1);
    expect(torrent.addPeer('127.0.0.1:1')).toBe(false);
    await expect(torrent.rescanFiles()).rejects.toBeInstanceOf(DestroyedError);
    await expect(torrent.destroy()).resolves.toBeUndefined();
    expect(() => client.createServer()).toThrow(DestroyedError);
  });

  it('is destroyed, with an error, when the session ends by itself', async () => {
    const { client, session } = scriptedClient();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    session.sayAll({
      type: 'fatal',
      error: { name: 'Error', code: 'PORT', message: 'Port 6881 is in use.' },
    });
    expect(errors.map((error) => error.message)).toEqual(['Port 6881 is in use.']);
    expect(client.destroyed).toBe(true);
    await client.destroy();
    expect(session.closed).toBe(1);
  });

  it('destroys a torrent when its signal fires', async () => {
    const { client, session } = scriptedClient();
    const abort = new AbortController();
    const torrent = client.add(MAGNET, { signal: abort.signal });
    const ready = torrent.untilReady();
    await turn();
    abort.abort();
    await expect(ready).rejects.toBeInstanceOf(AbortedError);
    expect(session.named('remove')).toHaveLength(1);
    const refused = client.add(MAGNET, { signal: abort.signal });
    await expect(refused.untilReady()).rejects.toBeInstanceOf(AbortedError);
    expect(session.named('add')).toHaveLength(1);
  });

  it('names what it seeds and tells when it is being seeded', async () => {
    const { client, session } = scriptedClient();
    const order: string[] = [];
    const bytes = Object.assign(new Uint8Array([1, 2]), { name: 'two.bin' });
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array([3]);
      yield new Uint8Array([4]);
    }
    const hashed: number[] = [];
    const input = ['folder', bytes, stream()];
    const options = { onProgress: (done: number) => hashed.push(done) };
    const torrent = client.seed(input, options, () => order.push('callback'));
    torrent.on('seed', () => order.push('seed'));
    torrent.on('done', () => order.push('done'));
    client.on('seed', () => order.push('client seed'));
    client.on('torrent', () => order.push('client torrent'));
    for (let i = 0; i < 5; i++) await turn();
    expect(session.named('seed')).toMatchObject([
      {
        inputs: [
          { kind: 'path', path: 'folder' },
          { kind: 'bytes', name: 'two.bin' },
          { kind: 'bytes', name: 'Unknown File 3', bytes: new Uint8Array([3, 4]) },
        ],
        options: { createdBy: `Freshet/${Client.VERSION}` },
      },
    ]);
    session.say(1, { type: 'hashing', hashed: 35, total: 35 });
    session.say(1, infoHashEvent());
    session.say(1, { type: 'metadata', metadata: METADATA });
    session.say(1, { type: 'ready', verified: Uint8Array.of(0xf0), stats: statsOf({ verifiedBytes: 35 }) });
    session.say(1, { type: 'done' });
    expect(order).toEqual(['client torrent', 'done', 'callback', 'seed', 'client seed']);
    expect(hashed).toEqual([35]);
  });

  it('seeds the files of a form that is emptied at once', async () => {
    const { client, session } = scriptedClient();
    const input = [Object.assign(new Uint8Array([1]), { name: 'one.bin' })];
    client.seed(input);
    input.pop();
    await turn();
    expect(session.named('seed')).toMatchObject([{ inputs: [{ kind: 'bytes', name: 'one.bin' }] }]);
  });

  it('refuses options that mean nothing', () => {
    expect(() => scriptedClient({ peerId: 'xyz' })).toThrow(ArgumentError);
    expect(() => scriptedClient({ downloadLimit: Number.NaN })).toThrow(ArgumentError);
  });
});
