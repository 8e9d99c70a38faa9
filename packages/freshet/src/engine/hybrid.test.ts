/** Hybrids at work (BEP 52): whole swarms in virtual time. */

import { beforeAll, describe, expect, it } from 'vitest';
import { type Member, MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { closed, isBanned, ODD_FILES, tampering } from '../../testing/swarm-checks.ts';
import { MemoryHasher } from '../memory/index.ts';
import { parseInfo, primaryHash, type TorrentHashes } from '../protocol/index.ts';
import { hashesOfInfo } from './metadata-hashes.ts';

const KiB = 1024;

let hybrid: SampleTorrent;
beforeAll(async () => {
  hybrid = await sampleTorrent(0, 64 * KiB, { files: ODD_FILES, version: 'hybrid' });
});

/** What another info dictionary is called by. */
async function hashed(infoBytes: Uint8Array): Promise<Pick<SampleTorrent, 'hashes' | 'info' | 'infoHash'>> {
  const info = parseInfo(infoBytes);
  const hashes: TorrentHashes = await hashesOfInfo(info, new MemoryHasher());
  return { hashes, info, infoHash: primaryHash(hashes) };
}

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
    await closed(swarm);
  });

  it.each(['v1', 'v2'] as const)('is downloaded from a magnet link with its %s hash only', async (magnet) => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    await closed(swarm);
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
    await closed(swarm);
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
    await closed(swarm);
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
    await closed(swarm);
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
    await closed(swarm);
  });
});
