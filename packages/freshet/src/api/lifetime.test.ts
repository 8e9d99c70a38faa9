import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { DestroyedError, FreshetError } from '../session/errors.ts';
import { onAbort } from './abort.ts';
import { Lifetime } from './lifetime.ts';
import {
  infoHashEvent,
  METADATA,
  type ScriptedSession,
  scriptedClient,
  statsOf,
  turn,
} from './scripted-session.contract.ts';
import type { Torrent } from './torrent.ts';

const never = (): Promise<never> => new Promise(() => undefined);
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

async function readyTorrent(): Promise<{ torrent: Torrent; session: ScriptedSession }> {
  const { client, session } = scriptedClient();
  const torrent = client.add('aa'.repeat(20), { destroyOnError: false });
  await turn();
  session.say(1, infoHashEvent());
  session.say(1, { type: 'metadata', metadata: METADATA });
  session.say(1, { type: 'ready', verified: Uint8Array.of(0), stats: statsOf() });
  return { torrent, session };
}

describe('torrent.signal', () => {
  it('fires when the torrent is destroyed, and has fired for who looks later', async () => {
    const { torrent } = await readyTorrent();
    const { signal } = torrent;
    expect(torrent.signal).toBe(signal);
    expect(signal.aborted).toBe(false);
    void torrent.destroy();
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(DestroyedError);

    const other = (await readyTorrent()).torrent;
    void other.destroy();
    expect(other.signal.reason).toMatchObject({ code: 'DESTROYED' });
  });

  it('has the error that ended the torrent as its reason, and only when it has ended', async () => {
    const { torrent, session } = await readyTorrent();
    torrent.on('error', () => undefined);
    const full = { name: 'StorageError', code: 'FULL', message: 'The disk is full.' };
    session.say(1, { type: 'error', error: full, resumable: true });
    expect(torrent.signal.aborted).toBe(false);
    session.say(1, { type: 'error', error: { ...full, code: 'IO' }, resumable: false });
    expect(torrent.signal.reason).toBe(torrent.failure);
    expect(torrent.signal.reason).toMatchObject({ code: 'IO' });
  });

  it('fires at the end of the client, and by the signal that the torrent was added with', async () => {
    const { client } = scriptedClient();
    const abort = new AbortController();
    const first = client.add('aa'.repeat(20), { signal: abort.signal });
    const second = client.seed(Object.assign(new Uint8Array(3), { name: 'a' }));
    first.on('error', () => undefined);
    await turn();
    abort.abort('enough');
    expect(first.signal.reason).toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(second.signal.aborted).toBe(false);
    await client.destroy();
    expect(second.signal.reason).toMatchObject({ code: 'DESTROYED' });
  });

  it('ends every kind of read and wait, with its reason, when it fires', async () => {
    const { torrent, session } = await readyTorrent();
    session.openReader = () => ({ read: never, cancel: () => undefined });
    session.answer = never;
    const file = torrent.files[0]!;
    const waits = [torrent.untilDone(), torrent.peers(), torrent.rescanFiles(), torrent.move('/elsewhere')];
    await turn();
    const outcomes = Promise.allSettled(waits);
    session.answer = () => undefined;
    void torrent.destroy();
    const { reason } = torrent.signal;
    expect((await outcomes).map((each) => (each as PromiseRejectedResult).reason)).toEqual(
      waits.map(() => reason),
    );
    for (const read of [file.arrayBuffer(), file.blob(), file.stream().getReader().read()]) {
      await expect(read).rejects.toBe(reason);
    }
    await expect(torrent.untilReady()).resolves.toBe(torrent);
    await expect(torrent.untilDone()).rejects.toBe(reason);
    await expect(torrent.trackers()).rejects.toBe(reason);
  });

  it('cancels reads under way, which reject with its reason', async () => {
    const { torrent, session } = await readyTorrent();
    let cancelled = 0;
    session.openReader = () => {
      let refuse: (error: Error) => void = () => undefined;
      return {
        read: () =>
          new Promise((_, reject) => {
            refuse = reject;
          }),
        cancel: () => {
          cancelled++;
          refuse(new FreshetError('STREAM', 'cancelled'));
        },
      };
    };
    const reads = Promise.allSettled([torrent.files[0]!.arrayBuffer(), torrent.files[2]!.blob()]);
    await turn();
    void torrent.destroy();
    const { reason } = torrent.signal;
    expect((await reads).map((each) => (each as PromiseRejectedResult).reason)).toEqual([reason, reason]);
    expect(cancelled).toBeGreaterThanOrEqual(2);
  });

  it('has one listener whatever goes on, and none when nothing does', async () => {
    const { torrent, session } = await readyTorrent();
    session.data = new Uint8Array(35);
    const file = torrent.files[0]!;
    const iterators = Array.from({ length: 30 }, () => file[Symbol.asyncIterator]());
    await Promise.all(iterators.map((each) => each.next()));
    const mine = new AbortController();
    const waits = Array.from({ length: 30 }, () => torrent.untilDone(mine.signal).catch(() => undefined));
    expect(listeners(torrent.signal)).toBe(1);
    expect(listeners(mine.signal)).toBe(1);
    await Promise.all(iterators.map((each) => each.return!()));
    mine.abort();
    await Promise.all(waits);
    await torrent.peers();
    await file.arrayBuffer({ signal: new AbortController().signal });
    await turn();
    expect(listeners(torrent.signal)).toBe(0);
    expect(listeners(mine.signal)).toBe(0);
  });

  it('lets go of the signal that the torrent was added with', async () => {
    const { client } = scriptedClient();
    const { signal } = new AbortController();
    const torrents = Array.from({ length: 20 }, (_, i) =>
      client.add(i.toString(16).padStart(40, '0'), { signal }),
    );
    expect(listeners(signal)).toBe(1);
    for (const torrent of torrents) void torrent.destroy();
    expect(listeners(signal)).toBe(0);
  });
});

describe('onAbort', () => {
  it('calls each listener once, also one that was given twice or adds another, and none that is forgotten', () => {
    const abort = new AbortController();
    const calls: string[] = [];
    const twice = (): void => void calls.push('twice');
    onAbort(abort.signal, twice);
    onAbort(abort.signal, twice);
    onAbort(abort.signal, () => void calls.push('forgotten'))();
    onAbort(abort.signal, () => {
      onAbort(abort.signal, () => void calls.push('too late'));
    });
    abort.abort();
    expect(calls).toEqual(['twice', 'twice']);
  });
});

describe('Lifetime', () => {
  it('ends once, and hands through what is settled before', async () => {
    const lifetime = new Lifetime();
    await expect(lifetime.within(Promise.resolve(1))).resolves.toBe(1);
    await expect(lifetime.within(Promise.reject(new Error('own')))).rejects.toThrow('own');
    const first = new DestroyedError('first');
    lifetime.end(first);
    lifetime.end(new DestroyedError('second'));
    expect(lifetime.signal.reason).toBe(first);
    await expect(lifetime.within(never())).rejects.toBe(first);
  });
});
