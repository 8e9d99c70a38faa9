import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Member,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../../testing/memory-swarm.ts';
import { idOf, meet, type ScriptedPeer, scripted as scriptedPeer } from '../../../testing/scripted-peer.ts';
import {
  Bitfield,
  BLOCK_LENGTH,
  EXTENSION_ID,
  encodeAllowedFast,
  encodeBitfield,
  encodeCancel,
  encodeChoke,
  encodeDontHave,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodeKeepAlive,
  encodeMetadataMessage,
  encodeNotInterested,
  encodePieceHeader,
  encodeReject,
  encodeRequest,
  encodeSuggest,
  encodeUnchoke,
  type PeerId,
} from '../../protocol/index.ts';

const KiB = 1024;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(300_000, 64 * KiB);
});

type Script = ScriptedPeer;

const id = idOf;

function scripted(
  options: Parameters<typeof scriptedPeer>[1] = {},
): Promise<{ swarm: MemorySwarm; member: Member; script: Script }> {
  return scriptedPeer(sample, options);
}

async function over(swarm: MemorySwarm, member: Member): Promise<void> {
  expect(member.engine.usage.connections).toBe(member.torrent.peers().length);
  await swarm.close();
  expect(member.engine.usage).toEqual({ connections: 0, dialing: 0, pieceMemory: 0 });
  expect(swarm.clock.pending).toBe(0);
}

describe('PeerConnection', () => {
  it('is greeted by a seed and by an empty peer, with and without the fast extension', async () => {
    for (const [seed, fast, words] of [
      [true, true, ['handshake', 'extended 0', 'have all']],
      [false, true, ['handshake', 'extended 0', 'have none']],
      [true, false, ['handshake', 'extended 0', 'bitfield']],
      [false, false, ['handshake', 'extended 0']],
    ] as const) {
      const { swarm, member, script } = await scripted({ seed, fast });
      expect(script.heard).toEqual(words);
      await over(swarm, member);
    }
  });

  it('closes who does not say hello in 15 s, and who falls silent for three minutes', async () => {
    const swarm = new MemorySwarm(sample);
    const member = await swarm.add();
    const meeting = meet(swarm, member, 1);
    await swarm.clock.advanceAsync(100);
    const silent = await meeting;
    const { script } = { script: await meetAndGreet(swarm, member, 2) };
    await swarm.clock.advanceAsync(14_000);
    expect(silent.closed).toBe(false);
    await swarm.clock.advanceAsync(2000);
    expect(silent.closed).toBe(true);
    await swarm.clock.advanceAsync(160_000);
    expect(script.closed).toBe(false);
    expect(script.count('keep-alive')).toBe(1);
    await swarm.clock.advanceAsync(10_000);
    expect(script.closed).toBe(true);
    await over(swarm, member);
  });

  it('keeps a peer that sends keep-alives', async () => {
    const { swarm, member, script } = await scripted();
    for (let i = 0; i < 6; i++) {
      await swarm.clock.advanceAsync(100_000);
      script.say(encodeKeepAlive());
    }
    expect(script.closed).toBe(false);
    await over(swarm, member);
  });

  it('downloads all from a script, and says what it needs to say', async () => {
    for (const fast of [true, false]) {
      const { swarm, member, script } = await scripted({ fast });
      script.onRequest = (piece, begin, length) => script.block(piece, begin, length);
      const all = new Bitfield(sample.info.pieceCount);
      all.setAll();
      script.say(fast ? encodeHaveAll() : encodeBitfield(all.toBytes()));
      await swarm.clock.advanceAsync(100);
      expect(script.heard).toContain('interested');
      script.say(encodeUnchoke());
      await swarm.until(() => member.torrent.done, 5000);
      await swarm.clock.advanceAsync(100);
      expect(script.count('request')).toBe(19);
      expect(script.heard).toContain('not interested');
      expect(script.closed).toBe(true);
      await over(swarm, member);
    }
  });

  it('asks again after a choke, with and without the fast extension', async () => {
    for (const fast of [true, false]) {
      const { swarm, member, script } = await scripted({ fast });
      script.say(encodeHaveNone(), ...[0, 1, 2, 3, 4].map(encodeHave), encodeUnchoke());
      await swarm.clock.advanceAsync(100);
      const asked = script.heard.filter((line) => line.startsWith('request'));
      expect(asked).toHaveLength(19);
      script.say(encodeChoke());
      if (fast) {
        for (const line of asked) {
          const [, piece, begin, length] = line.split(' ').map(Number) as [number, number, number, number];
          script.say(encodeReject(piece, begin, length));
        }
      }
      await swarm.clock.advanceAsync(100);
      expect(member.torrent.peers()[0]!.outstandingRequests).toBe(0);
      script.onRequest = (piece, begin, length) => script.block(piece, begin, length);
      script.say(encodeUnchoke());
      await swarm.until(() => member.torrent.done, 5000);
      expect(script.count('request')).toBe(38);
      await over(swarm, member);
    }
  });

  it('serves requests, rejects bad ones and all that is queued at a choke, and honours a cancel', async () => {
    const { swarm, member, script } = await scripted({ seed: true });
    script.say(encodeRequest(0, 0, BLOCK_LENGTH));
    await swarm.clock.advanceAsync(100);
    expect(script.heard.at(-1)).toBe('reject 0 0 16384');
    script.say(encodeInterested());
    await swarm.clock.advanceAsync(100);
    expect(script.heard.at(-1)).toBe('unchoke');
    script.say(encodeRequest(4, 0, 100), encodeRequest(99, 0, 100), encodeRequest(0, 65_000, 1000));
    await swarm.clock.advanceAsync(100);
    expect(script.heard.slice(-3).sort()).toEqual([
      'piece 4 0 100',
      'reject 0 65000 1000',
      'reject 99 0 100',
    ]);
    member.engine.setLimits({ upload: 0 });
    script.say(encodeRequest(1, 0, 100), encodeRequest(2, 0, 100), encodeCancel(2, 0, 100));
    await swarm.clock.advanceAsync(100);
    expect(script.heard.at(-1)).toBe('reject 2 0 100');
    script.say(encodeNotInterested());
    await swarm.clock.advanceAsync(11_000);
    expect(script.heard.slice(-2)).toEqual(['choke', 'reject 1 0 100']);
    await over(swarm, member);
  });

  it('believes a peer that takes a piece back, and closes one that has pieces beyond the last', async () => {
    const { swarm, member, script } = await scripted();
    script.say(encodeHaveNone(), encodeHave(3));
    await swarm.clock.advanceAsync(100);
    expect(member.torrent.peers()[0]!.amInterested).toBe(true);
    script.say(encodeExtended(EXTENSION_ID.lt_donthave, encodeDontHave(3)));
    await swarm.clock.advanceAsync(100);
    expect(member.torrent.peers()[0]!.amInterested).toBe(false);
    expect(script.heard.at(-1)).toBe('not interested');
    script.say(encodeHave(5));
    await swarm.clock.advanceAsync(100);
    expect(script.closed).toBe(true);
    await over(swarm, member);
  });

  it('does not drown in requests, and closes who asks for much and reads nothing', async () => {
    const { swarm, member, script } = await scripted({ seed: true });
    script.say(encodeInterested());
    await swarm.clock.advanceAsync(100);
    member.engine.setLimits({ upload: 0 });
    const flood = Array.from({ length: 3000 }, (_, i) => encodeRequest(0, i, 1));
    script.say(...flood);
    await swarm.clock.advanceAsync(1000);
    expect(script.count('reject')).toBe(3000 - 1024);
    await over(swarm, member);
  });

  it('closes a peer that sends on and on what nobody asked for', async () => {
    const { swarm, member, script } = await scripted();
    const junk = new Uint8Array(128 * KiB);
    for (let i = 0; i < 200 && !script.closed; i++) {
      script.say(encodePieceHeader(0, 0, junk.length), junk);
      await swarm.clock.advanceAsync(20);
    }
    expect(script.closed).toBe(true);
    expect(member.torrent.stats().wasted).toBeLessThan(20 * 1024 * KiB);
    await over(swarm, member);
  });

  it('lets a peer that lost its connection come back, but nobody push out one that speaks', async () => {
    const { swarm, member, script } = await scripted();
    const again = await meetAndGreet(swarm, member, 9);
    expect([script.closed, again.closed]).toEqual([false, true]);
    await swarm.clock.advanceAsync(16_000);
    const back = await meetAndGreet(swarm, member, 9);
    expect([script.closed, back.closed]).toEqual([true, false]);
    expect(member.torrent.peers()).toHaveLength(1);
    await over(swarm, member);
  });

  it('lets nobody in when the torrent is closed because a connection was replaced', async () => {
    const { swarm, member } = await scripted();
    await swarm.clock.advanceAsync(16_000);
    member.log.onPeerClosed = (): void => void member.torrent.close();
    const back = await meetAndGreet(swarm, member, 9);
    expect(back.closed).toBe(true);
    expect(member.torrent.swarm.peers.size).toBe(0);
    await over(swarm, member);
  });

  it('asks on as soon as the download limit allows, however few requests the peer takes', async () => {
    const { swarm, member, script } = await scripted();
    member.engine.setLimits({ download: 160 * KiB });
    script.onRequest = (piece, begin, length) => script.block(piece, begin, length);
    script.say(
      encodeExtended(0, encodeExtendedHandshake({ m: {}, reqq: 1 })),
      encodeHaveAll(),
      encodeUnchoke(),
    );
    expect(await swarm.until(() => member.torrent.done, 60_000)).toBeLessThan(3000);
    await over(swarm, member);
  });

  it('turns away other torrents, itself, and a host of liars', async () => {
    const swarm = new MemorySwarm(sample);
    const member = await swarm.add();
    const stranger = await meetAndGreet(swarm, member, 1, { infoHash: new Uint8Array(20) });
    const self = await meetAndGreet(swarm, member, 1, { peerId: member.engine.peerId });
    expect([stranger.closed, self.closed]).toEqual([true, true]);
    for (let i = 0; i < 3; i++) {
      const liar = await meetAndGreet(swarm, member, 1, { peerId: id(50 + i) });
      expect(liar.closed).toBe(false);
      liar.onRequest = (piece, begin, length) =>
        liar.say(encodePieceHeader(piece, begin, length), new Uint8Array(length));
      liar.say(encodeHaveAll(), encodeUnchoke());
      await swarm.until(() => liar.closed, 5000);
    }
    const fourth = await meetAndGreet(swarm, member, 1, { peerId: id(60) });
    expect(fourth.closed).toBe(true);
    const neighbour = await meetAndGreet(swarm, member, 2, { peerId: id(61) });
    expect(neighbour.closed).toBe(false);
    await over(swarm, member);
  });

  const number = fc.oneof(fc.nat(6), fc.constantFrom(16_384, 65_536, 4_294_967_295), fc.nat(300_000));
  const length = fc.oneof(fc.constantFrom(0, 1, 16_384, 131_072, 131_073), fc.nat(200_000));
  const words: fc.Arbitrary<Uint8Array> = fc.oneof(
    fc.constantFrom(
      encodeChoke(),
      encodeUnchoke(),
      encodeUnchoke(),
      encodeInterested(),
      encodeNotInterested(),
      encodeHaveAll(),
      encodeHaveNone(),
      encodeKeepAlive(),
    ),
    number.map(encodeHave),
    fc.nat(4).map(encodeHave),
    number.map(encodeAllowedFast),
    fc.nat(4).map(encodeAllowedFast),
    number.map(encodeSuggest),
    fc.uint8Array({ maxLength: 3 }).map(encodeBitfield),
    fc.constantFrom(0xf8, 0x80, 0x28).map((byte) => encodeBitfield(Uint8Array.of(byte))),
    fc.tuple(number, number, length).map((all) => encodeRequest(...all)),
    fc.tuple(number, number, length).map((all) => encodeCancel(...all)),
    fc.tuple(number, number, length).map((all) => encodeReject(...all)),
    fc.tuple(fc.nat(4), fc.nat(4), fc.boolean(), fc.nat()).map(([piece, block, right, cut]): Uint8Array => {
      const begin = block * BLOCK_LENGTH;
      const at = piece * 64 * KiB + begin;
      const payload = sample.content.slice(at, Math.min(at + BLOCK_LENGTH, sample.content.length));
      if (!right && payload.length > 0) payload[cut % payload.length] = 1 ^ payload[cut % payload.length]!;
      return Buffer.concat([encodePieceHeader(piece, begin, payload.length), payload]);
    }),
    fc.tuple(fc.nat(6), fc.uint8Array({ maxLength: 40 })).map(([kind, bytes]) => encodeExtended(kind, bytes)),
    fc
      .record({
        reqq: fc.nat(3000),
        metadataSize: fc.nat(),
        uploadOnly: fc.boolean(),
        m: fc.constant({ ut_metadata: 2 }),
      })
      .map((all) => encodeExtended(0, encodeExtendedHandshake(all))),
    fc.nat(5).map((piece) => encodeExtended(EXTENSION_ID.lt_donthave, encodeDontHave(piece))),
    number.map((piece) =>
      encodeExtended(EXTENSION_ID.ut_metadata, encodeMetadataMessage({ type: 'request', piece })),
    ),
    fc.uint8Array({ maxLength: 30 }),
  );

  it.each([
    ['a leech', false, false],
    ['a seed', true, false],
    ['a super-seed', true, true],
  ])('survives any session as %s: nothing is thrown, leaked or stuck', async (_, seed, superSeed) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(words, fc.constantFrom(0, 0, 0, 15, 1000)), { maxLength: 40 }),
        fc.boolean(),
        fc.boolean(),
        async (session, fast, leaves) => {
          const { swarm, member, script } = await scripted({ seed, fast, member: { spec: { superSeed } } });
          for (const [bytes, wait] of session) {
            script.say(bytes.slice());
            if (wait > 0) await swarm.clock.advanceAsync(wait);
          }
          await swarm.clock.advanceAsync(50);
          if (leaves) script.close();
          await swarm.clock.advanceAsync(3000);
          // Whatever was said, an honest peer can still do its work.
          if (!seed) {
            const honest = await meetAndGreet(swarm, member, 77);
            honest.onRequest = (piece, begin, size) => honest.block(piece, begin, size);
            honest.say(encodeHaveAll(), encodeUnchoke());
            await swarm.until(() => member.torrent.done, 120_000);
            expect(await swarm.hasContent(member)).toBe(true);
          }
          script.close();
          await swarm.clock.advanceAsync(100);
          await over(swarm, member);
        },
      ),
      { numRuns: 120 },
    );
  });
});

async function meetAndGreet(
  swarm: MemorySwarm,
  member: Member,
  n: number,
  as: { readonly infoHash?: Uint8Array; readonly peerId?: PeerId } = {},
): Promise<Script> {
  const meeting = meet(swarm, member, n);
  await swarm.clock.advanceAsync(100);
  const script = await meeting;
  script.say(encodeHandshake({ infoHash: as.infoHash ?? sample.infoHash, peerId: as.peerId ?? id(n) }));
  await swarm.clock.advanceAsync(100);
  return script;
}
