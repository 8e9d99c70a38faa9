import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Member,
  type MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../../testing/memory-swarm.ts';
import { idOf, meet, type ScriptedPeer, scripted } from '../../../testing/scripted-peer.ts';
import {
  BLOCK_LENGTH,
  encodeAllowedFast,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodeReject,
  encodeRequest,
  encodeSuggest,
  encodeUnchoke,
} from '../../protocol/index.ts';

const PIECES = 60;
const PIECE = 2 * BLOCK_LENGTH;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * PIECE, PIECE);
});

/** The pieces that the script has heard of in messages of that name. */
function pieces(script: ScriptedPeer, word: string): number[] {
  return script.heard
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => Number(line.slice(word.length + 1).split(' ')[0]));
}

/** Another script that says hello. */
async function another(swarm: MemorySwarm, member: Member, n: number): Promise<ScriptedPeer> {
  const meeting = meet(swarm, member, n);
  await swarm.clock.advanceAsync(100);
  const script = await meeting;
  script.say(encodeHandshake({ infoHash: sample.infoHash, peerId: idOf(n) }));
  await swarm.clock.advanceAsync(100);
  return script;
}

/** A seed with one slot, which somebody has, and a script that waits for it. */
async function choked(): Promise<{ swarm: MemorySwarm; member: Member; script: ScriptedPeer }> {
  const {
    swarm,
    member,
    script: first,
  } = await scripted(sample, {
    seed: true,
    n: 1,
    member: { spec: { uploadSlots: 1 } },
  });
  first.say(encodeHaveNone(), encodeInterested());
  await swarm.clock.advanceAsync(100);
  expect(first.heard).toContain('unchoke');
  const script = await another(swarm, member, 2);
  script.say(encodeHaveNone(), encodeInterested());
  await swarm.clock.advanceAsync(2500);
  expect(script.heard).not.toContain('unchoke');
  return { swarm, member, script };
}

async function over(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

describe('allowed fast (BEP 6)', () => {
  it('gives a choked newcomer its pieces, and only these', async () => {
    const { swarm, script } = await choked();
    const allowed = pieces(script, 'allowed fast');
    expect(new Set(allowed).size).toBe(10);
    const other = Array.from({ length: PIECES }, (_, i) => i).find((piece) => !allowed.includes(piece))!;
    script.say(encodeRequest(allowed[0]!, 0, BLOCK_LENGTH), encodeRequest(other, 0, BLOCK_LENGTH));
    await swarm.clock.advanceAsync(200);
    expect(pieces(script, 'piece')).toEqual([allowed[0]]);
    expect(pieces(script, 'reject')).toEqual([other]);
    await over(swarm);
  });

  it('gives a choked peer no more than its set, however often and under whatever name it asks', async () => {
    const { swarm, member, script } = await choked();
    let given = 0;
    let peer = script;
    for (let n = 3; n < 8; n++) {
      for (const piece of pieces(peer, 'allowed fast')) {
        for (let i = 0; i < 5; i++) peer.say(encodeRequest(piece, 0, BLOCK_LENGTH));
      }
      await swarm.clock.advanceAsync(500);
      given += peer.count('piece');
      peer.close();
      peer = await another(swarm, member, n);
      peer.say(encodeHaveNone(), encodeInterested());
      await swarm.clock.advanceAsync(1500);
    }
    expect(given).toBe((10 * PIECE) / BLOCK_LENGTH);
    await over(swarm);
  });

  it('takes what a choking peer allows, and asks it for nothing else', async () => {
    const { swarm, member, script } = await scripted(sample);
    script.onRequest = (piece, begin, length) => script.block(piece, begin, length);
    script.say(encodeHaveAll(), ...[5, 17, 40].map(encodeAllowedFast));
    await swarm.clock.advanceAsync(3000);
    expect([...member.torrent.verified!.indexes()]).toEqual([5, 17, 40]);
    expect(new Set(pieces(script, 'request'))).toEqual(new Set([5, 17, 40]));
    // The rest as usual.
    script.say(encodeUnchoke());
    await swarm.until(() => member.torrent.done, 5000);
    await over(swarm);
  });

  it('takes nothing that does not exist or that the peer has not', async () => {
    const { swarm, member, script } = await scripted(sample);
    script.say(encodeHaveNone(), encodeHave(3));
    for (const piece of [4, PIECES, 0xffffffff]) script.say(encodeAllowedFast(piece));
    for (let piece = 100; piece < 5000; piece++) script.say(encodeAllowedFast(piece));
    await swarm.clock.advanceAsync(3000);
    expect(script.count('request')).toBe(0);
    expect(script.closed).toBe(false);
    expect(member.torrent.peers()[0]!.outstandingRequests).toBe(0);
    await over(swarm);
  });

  it('does not go on asking a peer that allows and refuses', async () => {
    const { swarm, script } = await scripted(sample);
    script.onRequest = (piece, begin, length) => script.say(encodeReject(piece, begin, length));
    script.say(encodeHaveAll(), ...[5, 17].map(encodeAllowedFast));
    await swarm.clock.advanceAsync(30_000);
    expect(script.count('request')).toBe(4);
    await over(swarm);
  });

  it('takes nothing from a peer without the fast extension', async () => {
    const { swarm, script } = await scripted(sample, { fast: false });
    for (let piece = 0; piece < PIECES; piece++) script.say(encodeHave(piece));
    script.say(encodeAllowedFast(5));
    await swarm.clock.advanceAsync(3000);
    expect(script.count('request')).toBe(0);
    await over(swarm);
  });
});

describe('suggestions (BEP 6)', () => {
  it('are followed where nothing speaks for another piece', async () => {
    const { swarm, script } = await scripted(sample);
    script.say(encodeHaveAll(), encodeSuggest(41), encodeSuggest(99_999), encodeSuggest(23), encodeUnchoke());
    await swarm.clock.advanceAsync(200);
    expect(pieces(script, 'request').slice(0, 4)).toEqual([23, 23, 41, 41]);
    await over(swarm);
  });

  it('do not come before rarity', async () => {
    const asked: number[][] = [];
    for (const suggested of [true, false]) {
      const { swarm, member, script } = await scripted(sample);
      // Everybody has the suggested piece, and one peer alone the others.
      for (let n = 20; n < 23; n++) {
        const holder = await another(swarm, member, n);
        holder.say(encodeHaveNone(), encodeHave(23));
      }
      await swarm.clock.advanceAsync(200);
      script.onRequest = (piece, begin, length) => script.block(piece, begin, length);
      script.say(encodeHaveNone(), ...Array.from({ length: PIECES }, (_, piece) => encodeHave(piece)));
      if (suggested) script.say(encodeSuggest(23));
      script.say(encodeUnchoke());
      await swarm.until(() => member.torrent.done, 5000);
      asked.push(pieces(script, 'request'));
      await over(swarm);
    }
    expect(asked[0]).toEqual(asked[1]);
  });

  it('name what was just read for others, when a peer is unchoked', async () => {
    const { swarm, member, script: first } = await scripted(sample, { seed: true, n: 1 });
    first.say(encodeHaveNone(), encodeInterested(), encodeRequest(7, 0, BLOCK_LENGTH));
    await swarm.clock.advanceAsync(300);
    first.say(encodeRequest(7, 0, BLOCK_LENGTH), encodeRequest(9, 0, BLOCK_LENGTH));
    await swarm.clock.advanceAsync(300);
    expect(first.count('suggest')).toBe(0);
    const script = await another(swarm, member, 2);
    script.say(encodeHaveNone(), encodeInterested());
    await swarm.clock.advanceAsync(300);
    expect(pieces(script, 'suggest')).toContain(9);
    expect(pieces(script, 'suggest').length).toBeLessThanOrEqual(2);
    await over(swarm);
  });
});

describe('super-seeding (BEP 16), on the wire', () => {
  it('claims to have nothing, tells of one piece, and gives no other', async () => {
    for (const fast of [true, false]) {
      const { swarm, script } = await scripted(sample, {
        seed: true,
        fast,
        member: { spec: { superSeed: true } },
      });
      if (fast) script.say(encodeHaveNone());
      await swarm.clock.advanceAsync(1500);
      expect(script.heard).not.toContain('have all');
      expect(script.count('bitfield')).toBe(0);
      const told = pieces(script, 'have').filter((piece) => !Number.isNaN(piece));
      expect(told).toHaveLength(1);
      script.say(encodeInterested());
      await swarm.clock.advanceAsync(200);
      expect(script.heard).toContain('unchoke');
      script.say(encodeRequest(told[0]!, 0, BLOCK_LENGTH));
      script.say(encodeRequest((told[0]! + 1) % PIECES, 0, BLOCK_LENGTH));
      await swarm.clock.advanceAsync(200);
      expect(pieces(script, 'piece')).toEqual(told);
      // It alone is there, so that the next piece follows.
      script.say(encodeHave(told[0]!));
      await swarm.clock.advanceAsync(200);
      expect(pieces(script, 'have').filter((piece) => !Number.isNaN(piece))).toHaveLength(2);
      await over(swarm);
    }
  });
});
