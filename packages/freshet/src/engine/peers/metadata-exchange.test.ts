import { beforeAll, describe, expect, it } from 'vitest';
import { settled } from '../../../testing/store-fixture.ts';
import { MemoryHasher } from '../../memory/index.ts';
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  equalBytes,
  type InfoHash,
  infoHashFromBytes,
  METADATA_PIECE_LENGTH,
} from '../../protocol/index.ts';
import { MetadataExchange, type MetadataPeer } from './metadata-exchange.ts';

const SIZE = 3 * METADATA_PIECE_LENGTH + 77;
const right = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);
const wrong = right.slice();
wrong[40_000] = 1 ^ wrong[40_000]!;

let infoHash: InfoHash;
beforeAll(async () => {
  infoHash = infoHashFromBytes(await new MemoryHasher().sha1(right))!;
});

type Manner = 'honest' | 'liar' | 'mute' | 'rejects';

interface Bench {
  readonly exchange: MetadataExchange;
  readonly banned: number[];
  readonly requests: number[];
  got: Uint8Array | undefined;
  now: number;
  join(id: number, manner: Manner, size?: number): void;
  leave(id: number): void;
  /** Seconds pass. */
  pass(seconds: number): Promise<void>;
}

function bench(): Bench {
  const mailbox: (() => void)[] = [];
  const connected = new Set<number>();
  const made: Bench = {
    exchange: new MetadataExchange({ v1: infoHash }, new MemoryHasher(), (bytes) => {
      made.got = bytes;
    }),
    banned: [],
    requests: [],
    got: undefined,
    now: 0,
    join: (id, manner, size = SIZE) => {
      connected.add(id);
      const peer: MetadataPeer = {
        id,
        metadataSize: size,
        busy: false,
        sendMetadata: (payload) => {
          const message = decodeMetadataMessage(payload)!;
          if (message.type !== 'request') return;
          made.requests.push(id);
          if (manner === 'mute') return;
          const begin = message.piece * METADATA_PIECE_LENGTH;
          const data = (manner === 'liar' ? wrong : right).subarray(begin, begin + METADATA_PIECE_LENGTH);
          const reply =
            manner === 'rejects'
              ? encodeMetadataMessage({ type: 'reject', piece: message.piece })
              : encodeMetadataMessage({ type: 'data', piece: message.piece, totalSize: SIZE, data });
          mailbox.push(() => {
            if (connected.has(id)) made.exchange.onMessage(peer, reply, made.now);
          });
        },
        ban: () => {
          made.banned.push(id);
          made.leave(id);
        },
      };
      made.exchange.addPeer(peer, made.now);
    },
    leave: (id) => {
      connected.delete(id);
      made.exchange.removePeer(id);
    },
    pass: async (seconds) => {
      for (let second = 0; second < seconds; second++) {
        made.now += 1000;
        for (let turn = 0; turn < 20; turn++) {
          for (const deliver of mailbox.splice(0)) deliver();
          await settled();
        }
        made.exchange.request(made.now);
      }
    },
  };
  return made;
}

describe('MetadataExchange', () => {
  it('fetches from several peers at once, each piece once', async () => {
    const b = bench();
    b.join(1, 'honest');
    b.join(2, 'honest');
    await b.pass(1);
    expect(equalBytes(b.got!, right)).toBe(true);
    expect(b.requests).toHaveLength(4);
  });

  it('asks others for what a peer does not send', async () => {
    const b = bench();
    b.join(1, 'mute');
    b.join(2, 'honest');
    await b.pass(6);
    expect(b.got).toBeDefined();
  });

  it('is not held up by several that do not answer', async () => {
    const b = bench();
    for (let id = 1; id <= 6; id++) b.join(id, 'mute');
    b.join(7, 'honest');
    await b.pass(20);
    expect(b.got).toEqual(right);
    expect(b.banned).toEqual([]);
  });

  it('asks others for what a peer rejects, and it again later', async () => {
    const b = bench();
    b.join(1, 'rejects');
    await b.pass(5);
    expect(b.requests.length).toBeLessThanOrEqual(4);
    await b.pass(10);
    expect(b.requests.length).toBeGreaterThan(4);
    b.join(2, 'honest');
    await b.pass(1);
    expect(b.got).toBeDefined();
  });

  it('bans a liar that was alone', async () => {
    const b = bench();
    b.join(1, 'liar');
    await b.pass(1);
    expect(b.banned).toEqual([1]);
    b.join(2, 'honest');
    await b.pass(1);
    expect(b.got).toBeDefined();
  });

  it.each([[[1, 2, 3]], [[3, 2, 1]], [[2, 3, 1]]])(
    'finds the liars among several, whoever came first (%j), and bans nobody else',
    async (order) => {
      const b = bench();
      for (const id of order) b.join(id, id === 2 ? 'honest' : 'liar');
      await b.pass(30);
      expect(equalBytes(b.got!, right)).toBe(true);
      expect(b.banned).not.toContain(2);
    },
  );

  it('goes on when the only peer that it believes says nothing', async () => {
    const b = bench();
    b.join(1, 'liar');
    await b.pass(1);
    b.join(2, 'mute');
    b.join(3, 'honest');
    await b.pass(20);
    expect(b.got).toBeDefined();
  });

  it.each([1, 100, METADATA_PIECE_LENGTH, 128 * 1024 * 1024])(
    'is not held up by a mute peer that names the size %i, connected or gone',
    async (size) => {
      for (const leaves of [false, true]) {
        const b = bench();
        b.join(1, 'mute', size);
        await b.pass(1);
        if (leaves) b.leave(1);
        b.join(2, 'honest');
        await b.pass(15);
        expect(b.got).toBeDefined();
      }
    },
  );

  it('takes no notice of sizes beyond belief, rubbish and what it did not ask for', async () => {
    const b = bench();
    b.join(1, 'honest', 129 * 1024 * 1024);
    await b.pass(20);
    expect(b.requests).toEqual([]);
    const stranger: MetadataPeer = {
      id: 9,
      metadataSize: SIZE,
      busy: false,
      sendMetadata: () => {},
      ban: () => b.banned.push(9),
    };
    for (const payload of [
      new Uint8Array(),
      Uint8Array.of(0x64),
      encodeMetadataMessage({ type: 'reject', piece: 1e9 }),
      encodeMetadataMessage({ type: 'data', piece: 0, totalSize: SIZE, data: right.subarray(0, 16_384) }),
    ]) {
      b.exchange.onMessage(stranger, payload, b.now);
    }
    b.join(2, 'honest');
    await b.pass(1);
    expect(b.got).toBeDefined();
    expect(b.banned).toEqual([]);
  });

  it('does not begin with the largest size, however many name it, nor stay at it', async () => {
    const huge = 128 * 1024 * 1024;
    for (const honestFirst of [true, false]) {
      const it = bench();
      if (honestFirst) it.join(1, 'honest');
      for (let id = 2; id < 20; id++) it.join(id, 'mute', huge);
      await it.pass(1);
      if (!honestFirst) it.join(1, 'honest');
      await it.pass(1);
      expect(it.got).toEqual(right);
    }
  });

  it('goes on where it was when what seemed cheaper has led to nothing', async () => {
    const it = bench();
    it.join(1, 'honest');
    it.join(2, 'mute', 1);
    await it.pass(5);
    expect(it.got).toBeUndefined();
    await it.pass(10);
    expect(it.got).toEqual(right);
    expect(it.banned).toEqual([]);
  });

  it('serves what it has, within limits', () => {
    const b = bench();
    const sent: string[] = [];
    let busy = false;
    const peer: MetadataPeer = {
      id: 1,
      metadataSize: undefined,
      get busy(): boolean {
        return busy;
      },
      sendMetadata: (payload) => sent.push(decodeMetadataMessage(payload)!.type),
      ban: () => {},
    };
    const ask = (piece: number): string => {
      b.exchange.onMessage(peer, encodeMetadataMessage({ type: 'request', piece }), 0);
      return sent.at(-1)!;
    };
    expect(ask(0)).toBe('reject');
    b.exchange.setInfo(right);
    expect([ask(0), ask(3), ask(4), ask(2 ** 31)]).toEqual(['data', 'data', 'reject', 'reject']);
    busy = true;
    expect(ask(0)).toBe('reject');
    busy = false;
    for (let i = 0; i < 8192; i++) ask(0);
    expect(ask(0)).toBe('reject');
  });
});
