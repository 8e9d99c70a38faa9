import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { tampering } from '../../testing/swarm-checks.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

let small: SampleTorrent;
let large: SampleTorrent;
beforeAll(async () => {
  small = await sampleTorrent(1 * MiB + 5000, 64 * KiB);
  large = await sampleTorrent(8 * MiB + 123, 128 * KiB);
});

describe('a swarm of engines', () => {
  it('downloads from a seed, says so in order, and leaves nothing on the clock', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.log.events).toEqual(['metadata', 'ready', 'peer', 'done', 'peerClosed']);
    expect(leech.torrent.stats().received.memory).toBe(small.content.length);
    expect(seed.torrent.stats().uploaded).toBe(small.content.length);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });

  it('fetches the metadata of a magnet from peers first', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet: true });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(leech.torrent.info?.name).toBe('sample');
    expect(await swarm.hasContent(leech)).toBe(true);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });

  it('passes pieces on before it has them all: two leeches share one slow seed', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const a = await swarm.add();
    const b = await swarm.add();
    swarm.introduce(a, seed);
    swarm.introduce(b, seed);
    swarm.introduce(a, b);
    await swarm.until(() => a.torrent.done && b.torrent.done, 60_000);
    expect(a.torrent.stats().uploaded + b.torrent.stats().uploaded).toBeGreaterThan(4 * MiB);
    expect(seed.torrent.stats().uploaded).toBeLessThan(13 * MiB);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });

  it('bans who sends wrong data, nobody else, and finishes', async () => {
    const swarm = new MemorySwarm(large);
    const honest = await swarm.add({ seed: true });
    const liar = await swarm.add({ seed: true, ...tampering({ lies: () => true }) });
    const leech = await swarm.add();
    swarm.introduce(leech, liar);
    swarm.introduce(leech, honest);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.stats().hashFailures).toBeGreaterThan(0);
    expect(leech.torrent.swarm.candidates.isBanned({ host: liar.host, port: 6881 })).toBe(true);
    expect(leech.torrent.swarm.candidates.isBanned({ host: honest.host, port: 6881 })).toBe(false);
    await swarm.close();
  });

  it('gives a reader the bytes of its place first, and again after a seek', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 5000);
    await swarm.until(() => leech.torrent.stats().verifiedBytes > 1 * MiB, 10_000);

    const reader = leech.torrent.createReader({ start: 0, end: large.content.length });
    reader.seek(6 * MiB);
    let first: Uint8Array | undefined;
    void reader.read(1000).then((bytes) => {
      first = bytes;
    });
    // One piece of 128 KiB at 1 MiB/s is 125 ms, one round trip 40 ms; what was on its way before may come first.
    const waited = await swarm.until(() => first !== undefined, 5000);
    expect(waited).toBeLessThan(450);
    expect(first).toEqual(large.content.subarray(6 * MiB, 6 * MiB + 1000));

    const rest: Uint8Array[] = [];
    let ended = false;
    void (async (): Promise<void> => {
      for (;;) {
        const bytes = await reader.read(100_000);
        if (bytes === undefined) break;
        rest.push(bytes);
      }
      ended = true;
    })();
    await swarm.until(() => ended, 10_000);
    expect(Buffer.concat(rest).equals(large.content.subarray(6 * MiB + 1000))).toBe(true);
    reader.close();
    await swarm.close();
  });

  it('serves a player that seeks before it closes its old reader', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 5000);
    // A player fills its buffer, so that its read-ahead grows.
    const old = leech.torrent.createReader({ start: 0, end: large.content.length });
    let read = 0;
    void (async (): Promise<void> => {
      for (;;) read += (await old.read(65_536))?.length ?? 0;
    })().catch(() => undefined);
    await swarm.until(() => read > 2 * MiB, 10_000);
    const reader = leech.torrent.createReader({ start: 7 * MiB, end: large.content.length });
    let first: Uint8Array | undefined;
    void reader.read(1000).then((bytes) => {
      first = bytes;
    });
    await swarm.clock.advanceAsync(100);
    old.close();
    expect(await swarm.until(() => first !== undefined, 5000)).toBeLessThan(450);
    reader.close();
    await swarm.close();
  });

  it('holds the upload limit', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    const took = await swarm.until(() => leech.torrent.done, 60_000);
    expect(took).toBeGreaterThan(7300);
    expect(took).toBeLessThan(9000);
    await swarm.close();
  });

  it('holds the download limit', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ engine: { downloadLimit: 1 * MiB } });
    swarm.introduce(leech, seed);
    const took = await swarm.until(() => leech.torrent.done, 60_000);
    expect(took).toBeGreaterThan(7000);
    expect(took).toBeLessThan(10_000);
    await swarm.close();
  });

  it('fills a long path at once: no round trip is spent on a single block', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, line: { latencyMs: 100 } });
    const leech = await swarm.add({ line: { latencyMs: 0 } });
    swarm.introduce(leech, seed);
    const took = await swarm.until(() => leech.torrent.done, 60_000);
    // 8 MiB with windows of 32, 64, 128, ... blocks are five round trips of 200 ms, with the handshakes eight.
    expect(took).toBeLessThan(2500);
    await swarm.close();
  });

  it('survives a peer that goes away in the middle', async () => {
    const swarm = new MemorySwarm(large);
    const first = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const second = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, first);
    swarm.introduce(leech, second);
    await swarm.until(() => leech.torrent.stats().verifiedBytes > 2 * MiB, 10_000);
    void first.engine.close();
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    await swarm.close();
  });

  it('downloads only what is selected, and the rest when that is selected later', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    leech.torrent.deselectPieces(0, 1000);
    leech.torrent.selectPieces(10, 19, 4);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(leech.torrent.verified?.count).toBe(10);
    leech.torrent.selectPieces(0, 1000, 4);
    expect(leech.torrent.done).toBe(false);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(leech.torrent.verified?.isFull).toBe(true);
    expect(leech.log.events.filter((event) => event === 'done')).toHaveLength(2);
    await swarm.close();
  });

  it('transfers nothing while paused, and goes on after resume', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().verifiedBytes > 1 * MiB, 10_000);
    leech.torrent.pause();
    const before = leech.torrent.stats();
    await swarm.clock.advanceAsync(5000);
    expect(leech.torrent.stats().verifiedBytes).toBe(before.verifiedBytes);
    expect(leech.torrent.stats().connectedPeers).toBe(0);
    leech.torrent.resume();
    leech.torrent.networkChanged();
    await swarm.until(() => leech.torrent.done, 60_000);
    await swarm.close();
  });

  it('refuses itself, and a second connection to the same peer', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 100 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, leech);
    swarm.introduce(leech, seed);
    swarm.introduce(seed, leech);
    await swarm.clock.advanceAsync(3000);
    expect(leech.torrent.peers()).toHaveLength(1);
    expect(seed.torrent.peers()).toHaveLength(1);
    await swarm.close();
  });
});
