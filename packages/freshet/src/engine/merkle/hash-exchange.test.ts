import { beforeAll, describe, expect, it } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import type { HashRequest } from '../../protocol/index.ts';
import { HashExchange, type HashPeer } from './hash-exchange.ts';
import { MerkleStore } from './merkle-store.ts';

const KiB = 1024;
const PIECE = 32 * KiB;

let sample: SampleTorrent;
let answer: (request: HashRequest) => Uint8Array | undefined;
beforeAll(async () => {
  const files = [
    { path: ['a'], length: 1300 * PIECE },
    { path: ['b'], length: 20 * PIECE + 5 },
  ];
  sample = await sampleTorrent(0, PIECE, { files, version: 2 });
  answer = await answerer(sample);
});

class Peer implements HashPeer {
  readonly id: number;
  readonly asked: HashRequest[] = [];
  readonly pieces: ((piece: number) => boolean) | undefined;
  banned: string | undefined;

  constructor(id: number, pieces?: (piece: number) => boolean) {
    this.id = id;
    this.pieces = pieces;
  }
  has(piece: number): boolean {
    return this.pieces?.(piece) ?? true;
  }
  sendHashRequest(request: HashRequest): void {
    this.asked.push(request);
  }
  ban(reason: string): void {
    this.banned = reason;
  }
}

function bench(
  options: {
    readonly layers?: boolean;
    readonly urgent?: readonly number[];
    readonly wanted?: (piece: number) => boolean;
  } = {},
) {
  const hashes = new MerkleStore(sample.info, options.layers ? sample.pieceLayers : undefined);
  const log: string[] = [];
  const state = { now: 0 };
  const exchange = new HashExchange({
    hashes,
    now: () => state.now,
    urgent: () => (options.urgent ?? []).map((piece) => ({ piece })),
    isWanted: options.wanted ?? ((): boolean => true),
    wantsLeaves: () => true,
    onRoots: (pieces) => log.push(`roots ${pieces[0]}..${pieces.at(-1)}`),
    onLeaves: (piece) => log.push(`leaves ${piece}`),
    onNoLeaves: (piece) => log.push(`no leaves ${piece}`),
  });
  const reply = (peer: Peer): void => {
    for (const request of peer.asked.splice(0)) exchange.onHashes(peer.id, request, answer(request)!);
  };
  const wait = (milliseconds: number): void => {
    for (let passed = 0; passed < milliseconds; passed += 1000) {
      state.now += 1000;
      exchange.tick();
    }
  };
  return { hashes, exchange, log, reply, wait };
}

const chunks = (peer: Peer): number[] => peer.asked.map(({ index }) => index);

describe('HashExchange, the roots of pieces', () => {
  it('asks for them in parts of 512 at most, what readers need first', () => {
    const { exchange, log, reply, hashes } = bench({ urgent: [1030, 1] });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    expect(chunks(peer)).toEqual([1024, 0, 512, 0]);
    expect(peer.asked.map(({ length }) => length)).toEqual([276, 512, 512, 21]);
    reply(peer);
    expect(log).toEqual(['roots 1024..1299', 'roots 0..511', 'roots 512..1023', 'roots 1300..1320']);
    expect(hashes.complete).toBe(true);
    expect(peer.asked).toEqual([]);
  });

  it('shares them out, and asks nobody for what is asked for already', () => {
    const { exchange } = bench();
    const peers = [new Peer(1), new Peer(2)];
    for (const peer of peers) exchange.addPeer(peer);
    exchange.update();
    expect(peers.flatMap(chunks).sort()).toEqual([0, 0, 1024, 512]);
  });

  it('asks those who must be able to prove them, and only for what is wanted', () => {
    const { exchange } = bench({ wanted: (piece) => piece < 10 || piece === 1310 });
    const none = new Peer(1, () => false);
    const some = new Peer(2, (piece) => piece === 511);
    exchange.addPeer(none);
    exchange.addPeer(some);
    expect(none.asked).toEqual([]);
    expect(chunks(some)).toEqual([0]);
  });

  it('asks again what the selection brings', () => {
    let wanted = 0;
    const { exchange, wait } = bench({ wanted: (piece) => piece === wanted });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    expect(chunks(peer.asked.length === 1 ? peer : new Peer(0))).toEqual([0]);
    wanted = 600;
    wait(1000);
    expect(chunks(peer)).toEqual([0, 512]);
  });

  it('turns to others when a peer refuses, does not answer, or goes', () => {
    const { exchange, wait, reply, hashes } = bench({ wanted: (piece) => piece < 512 });
    const [refusing, silent, gone, good] = [new Peer(1), new Peer(2), new Peer(3), new Peer(4)] as const;
    exchange.addPeer(refusing);
    expect(refusing.asked).toHaveLength(1);
    exchange.addPeer(silent);
    exchange.onReject(1, refusing.asked[0]!);
    expect(silent.asked).toHaveLength(1);
    exchange.addPeer(gone);
    wait(6000);
    expect(gone.asked).toHaveLength(1);
    exchange.addPeer(good);
    exchange.removePeer(3);
    expect(good.asked).toHaveLength(1);
    reply(good);
    expect(hashes.pieceRoot(0)).toBeDefined();
    expect([refusing, silent].map((peer) => peer.asked.length)).toEqual([1, 1]);
  });

  it('takes an answer that comes too late all the same', () => {
    const { exchange, wait, reply, log } = bench({ wanted: (piece) => piece < 512 });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    wait(10_000);
    expect(peer.asked).toHaveLength(1);
    reply(peer);
    expect(log).toEqual(['roots 0..511']);
  });

  it('lets a peer rest that answers nothing, and asks it again later', () => {
    const { exchange, wait } = bench();
    const peer = new Peer(1);
    exchange.addPeer(peer);
    wait(50_000);
    expect(peer.asked).toHaveLength(4);
    wait(30_000);
    expect(peer.asked).toHaveLength(8);
  });

  it('bans who sends what does not fit, and does not listen to what nobody asked for', () => {
    const { exchange, log } = bench({ wanted: (piece) => piece < 512 });
    const liar = new Peer(1);
    exchange.addPeer(liar);
    const [request] = liar.asked;
    const lie = answer(request!)!.slice();
    lie[100] = lie[100]! ^ 1;
    expect(exchange.onHashes(2, request!, lie)).toBe(false);
    expect(exchange.onHashes(1, { ...request!, index: 512 }, lie)).toBe(false);
    expect(liar.banned).toBeUndefined();
    expect(exchange.onHashes(1, request!, lie)).toBe(true);
    expect(liar.banned).toBe('sent hashes that are not those of the file');
    expect(exchange.onHashes(1, request!, answer(request!)!)).toBe(false);
    expect(log).toEqual([]);
  });
});

describe('HashExchange, the hashes of blocks', () => {
  it('asks whoever is asked for the blocks, once', () => {
    const { exchange, reply, log } = bench({ layers: true });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    expect(peer.asked).toEqual([]);
    for (const piece of [7, 7, 1320]) exchange.onRequested(1, piece);
    // The last piece of the file has one block of five bytes in it.
    expect(peer.asked.map(({ baseLayer, index, length }) => [baseLayer, index, length])).toEqual([
      [0, 14, 2],
      [0, 40, 1],
    ]);
    reply(peer);
    expect(log).toEqual(['leaves 7', 'leaves 1320']);
    exchange.onRequested(1, 7);
    expect(peer.asked).toEqual([]);
  });

  it('seeks them for a wrong piece from one after the other, and says when nobody is left', () => {
    const { exchange, log, wait } = bench({ layers: true });
    const peers = [new Peer(1), new Peer(2), new Peer(3, (piece) => piece !== 9)];
    for (const peer of peers) exchange.addPeer(peer);
    expect(exchange.seekLeaves(9)).toBe(true);
    expect(peers[0]!.asked).toHaveLength(1);
    exchange.onReject(1, peers[0]!.asked[0]!);
    expect(peers[1]!.asked).toHaveLength(1);
    wait(6000);
    expect(peers[2]!.asked).toEqual([]);
    expect(log).toEqual(['no leaves 9']);
    expect(exchange.seekLeaves(9)).toBe(false);
    expect(exchange.seekLeaves(10)).toBe(true);
    exchange.removePeer(1);
    exchange.removePeer(2);
    exchange.removePeer(3);
    expect(log).toEqual(['no leaves 9', 'no leaves 10']);
  });

  it('does not seek what it has', () => {
    const { exchange, reply, log } = bench({ layers: true });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    expect(exchange.seekLeaves(3)).toBe(true);
    reply(peer);
    expect(log).toEqual(['leaves 3']);
    expect(exchange.seekLeaves(3)).toBe(false);
  });

  it('has no more than so many requests out to one peer', () => {
    const { exchange } = bench({ layers: true });
    const peer = new Peer(1);
    exchange.addPeer(peer);
    for (let piece = 0; piece < 1000; piece++) exchange.onRequested(1, piece);
    expect(peer.asked).toHaveLength(64);
    exchange.close();
    for (let piece = 0; piece < 100; piece++) exchange.onRequested(1, piece);
    expect(peer.asked).toHaveLength(64);
  });
});
