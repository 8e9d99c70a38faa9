/** Torrents of version 2 and hybrids at work (BEP 52): whole swarms in virtual time. */

import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Member,
  type MemberOptions,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../testing/memory-swarm.ts';
import { type Tampering, tamperedLink } from '../../testing/tampered-link.ts';
import { MemoryDisk, MemoryHasher, MemoryState, type VirtualClock } from '../memory/index.ts';
import { parseInfo, primaryHash, type TorrentHashes } from '../protocol/index.ts';
import { hashesOfInfo } from './metadata-hashes.ts';
import type { Disk, Hasher } from './ports.ts';

const KiB = 1024;
const BLOCK = 16 * KiB;
/** Odd sizes: nothing, a byte, a block, a piece, more than a piece, less than a block more. */
const FILES = [
  { path: ['empty'], length: 0 },
  { path: ['byte'], length: 1 },
  { path: ['block'], length: BLOCK },
  { path: ['piece'], length: 64 * KiB },
  { path: ['odd'], length: 5 * 64 * KiB + 2 * BLOCK + 77 },
  { path: ['short'], length: 3 * BLOCK - 5 },
];

let v2: SampleTorrent;
let hybrid: SampleTorrent;
let film: SampleTorrent;
beforeAll(async () => {
  v2 = await sampleTorrent(0, 64 * KiB, { files: FILES, version: 2 });
  hybrid = await sampleTorrent(0, 64 * KiB, { files: FILES, version: 'hybrid' });
  film = await sampleTorrent(2048 * KiB + 5000, 128 * KiB, { version: 2 });
});

async function end(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

/** Options of a member that does not play by the rules. */
function tampering(how: Tampering): MemberOptions {
  return { wrapLink: (link) => tamperedLink(link, how) };
}

function isBanned(by: Member, whom: Member): boolean {
  return by.torrent.swarm.candidates.isBanned({ host: whom.host, port: 6881 });
}

/** Reads a range to its end as it comes in, and says whether each byte was right. */
async function readAll(member: Member, content: Uint8Array, start: number, end: number): Promise<boolean> {
  const reader = member.torrent.createReader({ start, end });
  let at = start;
  for (;;) {
    const bytes = await reader.read(10_000);
    if (bytes === undefined) break;
    if (!Buffer.from(bytes).equals(content.subarray(at, at + bytes.length))) return false;
    at += bytes.length;
  }
  reader.close();
  return at === end;
}

/** Digests that come later, as in browsers, of what is then in the buffer. */
function lateHasher(clock: () => VirtualClock, delay: number): Hasher {
  const hasher = new MemoryHasher();
  return {
    sha1: (data) => hasher.sha1(data),
    prefixSha1: (buffer) => ({
      advance: () => {},
      finish: (done) => {
        const prefix = hasher.prefixSha1(buffer);
        clock().setTimer(delay, () => prefix.finish(done));
      },
    }),
    sha256: (data, done) => {
      const before = data.slice();
      clock().setTimer(delay, () => {
        if (!Buffer.from(before).equals(data)) throw new Error('The data changed while it was hashed.');
        hasher.sha256(data, done);
      });
    },
  };
}

/** A disk that is opened more than once. */
function reopening(length: number): () => Promise<Disk> {
  const disk = new MemoryDisk({ length });
  return async () =>
    new Proxy<Disk>(disk, {
      get(target, property): unknown {
        if (property === 'close') return async (): Promise<void> => {};
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
}

/** What another info dictionary is called by. */
async function hashed(infoBytes: Uint8Array): Promise<Pick<SampleTorrent, 'hashes' | 'info' | 'infoHash'>> {
  const info = parseInfo(infoBytes);
  const hashes: TorrentHashes = await hashesOfInfo(info, new MemoryHasher());
  return { hashes, info, infoHash: primaryHash(hashes) };
}

describe('version 2', () => {
  it('is downloaded, from a torrent file', async () => {
    const swarm = new MemorySwarm(v2);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.log.warnings).toEqual([]);
    await end(swarm);
  });

  it('is downloaded from a magnet link: the hashes of the pieces come from peers', async () => {
    const swarm = new MemorySwarm(v2);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet: true });
    const layers: ReadonlyMap<string, Uint8Array>[] = [];
    leech.log.onPieceLayers = (known) => layers.push(known);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(layers).toHaveLength(1);
    expect([...layers[0]!]).toEqual([...v2.pieceLayers!]);
    await end(swarm);
  });

  it('is passed on by those who have the hashes from peers themselves', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true });
    const first = await swarm.add({ magnet: true });
    swarm.introduce(first, seed);
    await swarm.until(() => first.torrent.done, 20_000);
    const second = await swarm.add({ magnet: true });
    swarm.introduce(second, first);
    await swarm.until(() => second.torrent.done, 20_000);
    expect(await swarm.hasContent(second)).toBe(true);
    await end(swarm);
  });

  it('takes hashes from whoever gives them, and bans who sends wrong ones', async () => {
    const swarm = new MemorySwarm(film);
    const silent = await swarm.add({ seed: true, ...tampering({ hashes: 'silent' }) });
    const rejecting = await swarm.add({ seed: true, ...tampering({ hashes: 'reject' }) });
    const lying = await swarm.add({ seed: true, ...tampering({ hashes: 'wrong' }) });
    const leech = await swarm.add({ magnet: true });
    for (const seed of [silent, rejecting, lying]) swarm.introduce(leech, seed);
    await swarm.clock.advanceAsync(60_000);
    expect(leech.torrent.stats().verifiedBytes).toBe(0);
    expect(isBanned(leech, lying)).toBe(true);
    const honest = await swarm.add({ seed: true });
    swarm.introduce(leech, honest);
    await swarm.until(() => leech.torrent.done, 30_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect([silent, rejecting, honest].map((seed) => isBanned(leech, seed))).toEqual([false, false, false]);
    await end(swarm);
  });

  it.each(['silent', 'reject'] as const)(
    'does without the hashes of blocks when they are not given (%s)',
    async (hashes) => {
      const swarm = new MemorySwarm(film);
      const seed = await swarm.add({ seed: true, ...tampering({ hashes }) });
      const leech = await swarm.add();
      swarm.introduce(leech, seed);
      await swarm.until(() => leech.torrent.done, 20_000);
      expect(await swarm.hasContent(leech)).toBe(true);
      expect(isBanned(leech, seed)).toBe(false);
      await end(swarm);
    },
  );

  it('gives a reader the first block before the piece is complete', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 64 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 5000);
    const order: string[] = [];
    leech.log.onVerified = (piece) => order.push(`piece ${piece}`);
    const reader = leech.torrent.createReader({ start: 5 * 128 * KiB, end: 6 * 128 * KiB });
    for (let part = 0; part < 8; part++) {
      let bytes: Uint8Array | undefined;
      void reader.read(BLOCK).then((read) => {
        bytes = read;
      });
      await swarm.until(() => bytes !== undefined, 10_000);
      order.push(`block ${part}`);
      const at = 5 * 128 * KiB + part * BLOCK;
      expect(Buffer.from(bytes!).equals(film.content.subarray(at, at + BLOCK))).toBe(true);
    }
    expect(order.filter((line) => line.startsWith('block') || line === 'piece 5').slice(0, 7)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((part) => `block ${part}`),
    );
    reader.close();
    await end(swarm);
  });

  it('names a liar by the block, takes the rest of what came, and lets no reader see a wrong byte', async () => {
    const swarm = new MemorySwarm(film);
    const honest = await swarm.add({ seed: true, engine: { uploadLimit: 300 * KiB } });
    let told = 0;
    const liar = await swarm.add({
      seed: true,
      engine: { uploadLimit: 600 * KiB },
      ...tampering({ lies: (_piece, begin) => begin === 3 * BLOCK && ++told > 2 }),
    });
    const leech = await swarm.add();
    swarm.introduce(leech, honest);
    swarm.introduce(leech, liar);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 2, 5000);
    let right: boolean | undefined;
    void readAll(leech, film.content, 0, film.content.length).then((all) => {
      right = all;
    });
    await swarm.until(() => leech.torrent.done && right !== undefined, 60_000);
    expect(right).toBe(true);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(isBanned(leech, honest)).toBe(false);
    // One block was wrong, and nothing else was thrown away for it.
    expect(leech.log.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^A block of piece \d+ was wrong and is downloaded again\.$/),
    ]);
    expect(leech.torrent.stats().wasted).toBeLessThanOrEqual(4 * BLOCK);
    await end(swarm);
  });

  it('is not confused by digests that come late', async () => {
    const swarm = new MemorySwarm(film);
    const ports = { hasher: lateHasher(() => swarm.clock, 35) };
    const seeds: Member[] = [];
    for (const uploadLimit of [80, 200, 400]) {
      seeds.push(await swarm.add({ seed: true, engine: { uploadLimit: uploadLimit * KiB } }));
    }
    const liar = await swarm.add({ seed: true, ...tampering({ lies: (piece) => piece % 3 === 0 }) });
    const leech = await swarm.add({ ports, engine: { bufferBudget: 512 * KiB } });
    for (const seed of [...seeds, liar]) swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(seeds.some((seed) => isBanned(leech, seed))).toBe(false);
    expect(leech.engine.usage.pieceMemory).toBe(0);
    await end(swarm);
  });

  it('finds a liar also where nobody gives the hashes of blocks', async () => {
    const swarm = new MemorySwarm(film);
    const seeds: Member[] = [];
    for (const uploadLimit of [200, 300]) {
      const engine = { uploadLimit: uploadLimit * KiB };
      seeds.push(await swarm.add({ seed: true, engine, ...tampering({ hashes: 'reject' }) }));
    }
    const liar = await swarm.add({
      seed: true,
      ...tampering({ hashes: 'reject', lies: (_piece, begin) => begin === BLOCK, fresh: true }),
    });
    const leech = await swarm.add();
    for (const seed of [...seeds, liar]) swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(seeds.some((seed) => isBanned(leech, seed))).toBe(false);
    await end(swarm);
  });

  it('keeps the hashes of pieces over a restart, and asks nobody for them again', async () => {
    const swarm = new MemorySwarm(film);
    const spec = { state: new MemoryState(), openDisk: reopening(film.content.length) };
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 300 * KiB } });
    const leech = await swarm.add({ magnet: true, spec });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().verifiedBytes > 512 * KiB, 20_000);
    const { verifiedBytes } = leech.torrent.stats();
    const closing = leech.engine.close();
    await swarm.clock.advanceAsync(1000);
    await closing;
    const silent = await swarm.add({ seed: true, ...tampering({ hashes: 'silent' }) });
    const again = await swarm.add({ magnet: true, spec });
    await swarm.until(() => again.torrent.state === 'active', 1000);
    expect([...again.torrent.pieceLayers!]).toEqual([...film.pieceLayers!]);
    expect(again.torrent.stats().verifiedBytes).toBeGreaterThanOrEqual(verifiedBytes);
    swarm.introduce(again, silent);
    await swarm.until(() => again.torrent.done, 20_000);
    await end(swarm);
  });

  it('looks at what is stored once the hashes of its pieces have come', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true });
    const disk = new MemoryDisk({ length: film.content.length });
    const wrong = film.content.slice();
    wrong[7 * 128 * KiB] = wrong[7 * 128 * KiB]! ^ 1;
    await disk.write(0, [wrong]);
    const leech = await swarm.add({ magnet: true, disk });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.stats().received.memory).toBeLessThanOrEqual(128 * KiB);
    await end(swarm);
  });
});

describe('files of the same content', () => {
  const length = 5 * 64 * KiB + 1234;
  const files = ['a', 'b', 'c'].map((name) => ({ path: [name], length }));
  const step = 6 * 64 * KiB;
  let twins: SampleTorrent;
  beforeAll(async () => {
    const write = (content: Uint8Array): void => {
      for (const offset of [step, 2 * step]) content.copyWithin(offset, 0, length);
    };
    twins = await sampleTorrent(0, 64 * KiB, { files, version: 2, write });
  });

  it('are downloaded once', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    // One of them, and what was on its way of the others already.
    expect(leech.torrent.stats().received.memory).toBeLessThan(1.7 * length);
    await end(swarm);
  });

  it('are filled from what is stored, without a peer, when they are selected later', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ spec: { filePriorities: () => [4, 0, 0, 0, 0] } });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    const { received } = leech.torrent.stats();
    expect(leech.torrent.verified?.count).toBe(6);
    leech.torrent.pause();
    leech.torrent.setFilePriorities([4, 0, 4, 0, 4]);
    await swarm.clock.advanceAsync(1000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.done).toBe(true);
    expect(leech.torrent.stats().received).toEqual(received);
    await end(swarm);
  });

  it('are checked as any other data: what was changed meanwhile is downloaded', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ spec: { filePriorities: () => [4, 0, 0, 0, 0] } });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    await leech.disk.write(3 * 64 * KiB, [new Uint8Array(100)]);
    leech.torrent.setFilePriorities([4, 0, 4, 0, 0]);
    await swarm.until(() => leech.torrent.done, 20_000);
    const bytes = new Uint8Array(length);
    await leech.disk.read(step, bytes);
    expect(Buffer.from(bytes).equals(twins.content.subarray(step, step + length))).toBe(true);
    expect(isBanned(leech, seed)).toBe(false);
    await end(swarm);
  });
});

describe('a hybrid', () => {
  it.each([
    ['v2', {}],
    ['v1', { v1Only: true }],
  ] as const)('is downloaded from a peer of %s', async (spoken, how) => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true, ...tampering(how) });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 5000);
    expect([...leech.torrent.swarm.peers.values()].map((peer) => peer.swarm)).toEqual([spoken]);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    await end(swarm);
  });

  it.each(['v1', 'v2'] as const)('is downloaded from a magnet link with its %s hash only', async (magnet) => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    await end(swarm);
  });

  it('is downloaded from peers of v1 by its SHA-1 alone, while nobody gives more', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true, ...tampering({ v1Only: true }) });
    const leech = await swarm.add({ magnet: 'v1' });
    const layers: ReadonlyMap<string, Uint8Array>[] = [];
    leech.log.onPieceLayers = (known) => layers.push(known);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    // Whoever has all pieces knows their hashes.
    expect(layers.map((known) => [...known])).toEqual([[...hybrid.pieceLayers!]]);
    await end(swarm);
  });

  it('fails when the pieces of v1 do not make the files of v2', async () => {
    const file = hybrid.info.files.find(({ path }) => path.at(-1) === 'odd')!;
    const bytes = hybrid.infoBytes.slice();
    const at = file.piecesRoot!.byteOffset - hybrid.infoBytes.byteOffset;
    bytes[at] = bytes[at]! ^ 1;
    const other = { ...hybrid, ...(await hashed(bytes)), infoBytes: bytes, pieceLayers: undefined };
    const swarm = new MemorySwarm(other);
    const seed = await swarm.add({ seed: true, ...tampering({ v1Only: true }) });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.state === 'failed', 20_000);
    expect(leech.log.errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^The torrent is inconsistent: .* piece \d+ is right and by the other it is wrong\.$/,
      ),
    ]);
    await swarm.clock.advanceAsync(5000);
    expect(leech.log.events).not.toContain('done');
    expect(isBanned(leech, seed)).toBe(false);
    await end(swarm);
  });

  it('is shared by peers of both kinds', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const members: Member[] = [];
    for (let i = 0; i < 4; i++) {
      const member = await swarm.add(i % 2 === 0 ? tampering({ v1Only: true }) : {});
      swarm.introduce(member, seed);
      for (const other of members) swarm.introduce(member, other);
      members.push(member);
    }
    await swarm.until(() => members.every((member) => member.torrent.done), 60_000);
    for (const member of members) expect(await swarm.hasContent(member)).toBe(true);
    await end(swarm);
  });

  it('fails with a sentence when its two versions disagree', async () => {
    const bytes = hybrid.infoBytes.slice();
    const at = hybrid.info.pieces!.byteOffset - hybrid.infoBytes.byteOffset;
    bytes[at + 3 * 20] = bytes[at + 3 * 20]! ^ 1;
    const swarm = new MemorySwarm({ ...hybrid, ...(await hashed(bytes)), infoBytes: bytes });
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.state === 'failed', 20_000);
    expect(leech.log.errors.map(({ message }) => message)).toEqual([
      'The torrent is inconsistent: it is of version 1 and 2 at once, and by one of them piece 3 is right and by the other it is wrong.',
    ]);
    expect(isBanned(leech, seed)).toBe(false);
    await end(swarm);
  });
});
