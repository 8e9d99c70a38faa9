import { describe, expect, it } from 'vitest';
import type { PeerAddress } from '../../protocol/index.ts';
import { type EvictablePeer, PeerEviction } from './peer-eviction.ts';

const at = (port: number): PeerAddress => ({ host: '10.0.0.1', port });
/** The port is the rank. */
const eviction = (): PeerEviction =>
  new PeerEviction((address) => (address.port === 9 ? undefined : address.port));
const idle = { receivedAt: undefined, sentAt: undefined };
const peer = (port: number, more: Partial<EvictablePeer> = {}): EvictablePeer => ({
  address: at(port),
  connectedAt: 0,
  traffic: idle,
  ...more,
});

describe('PeerEviction', () => {
  it('gives up the connection of lowest priority for one of a higher', () => {
    const peers = [peer(50), peer(20), peer(30)];
    expect(eviction().choose(at(60), peers, 100_000)).toBe(peers[1]);
    expect(eviction().choose(at(25), peers, 100_000)).toBe(peers[1]);
    expect(eviction().choose(at(20), peers, 100_000)).toBeUndefined();
    expect(eviction().choose(at(60), [], 100_000)).toBeUndefined();
  });

  it('leaves alone what is new or of use', () => {
    const now = 200_000;
    for (const [kept, more] of [
      [true, { connectedAt: now - 59_999 }],
      [false, { connectedAt: now - 60_000 }],
      [true, { traffic: { receivedAt: now - 59_999, sentAt: undefined } }],
      [true, { traffic: { receivedAt: undefined, sentAt: now - 1 } }],
      [false, { traffic: { receivedAt: now - 60_000, sentAt: now - 70_000 } }],
      [true, { address: undefined }],
      [true, { address: at(9) }],
    ] as const) {
      expect(eviction().choose(at(60), [peer(20, more)], now) === undefined).toBe(kept);
    }
  });

  it('lets nobody in this way whose priority is not known', () => {
    expect(eviction().choose(undefined, [peer(1)], 100_000)).toBeUndefined();
    expect(eviction().choose(at(9), [peer(1)], 100_000)).toBeUndefined();
  });

  it('has a host that took many places give idle ones up to hosts that have fewer', () => {
    const now = 100_000;
    const of = (host: string, more: Partial<EvictablePeer> = {}): EvictablePeer =>
      peer(9, { address: { host, port: 9 }, connectedAt: now - 5000, ...more });
    const busy = { receivedAt: now - 1000, sentAt: undefined };
    const crowd = [1, 2, 3, 4, 5].map((n) => of('10.0.0.7', { connectedAt: now - 5000 - n }));
    const newcomer = { host: '10.0.0.8', port: 9 };
    expect(eviction().choose(newcomer, crowd, now)).toBe(crowd[4]);
    expect(eviction().choose(undefined, crowd, now)).toBe(crowd[4]);
    // Nobody of its own takes a place from it, nor from a household, and those that are of use or just came stay.
    expect(eviction().choose({ host: '10.0.0.7', port: 10 }, crowd, now)).toBeUndefined();
    expect(eviction().choose(newcomer, crowd.slice(1), now)).toBeUndefined();
    const useful = crowd.map((one) => ({ ...one, traffic: busy }));
    expect(eviction().choose(newcomer, useful, now)).toBeUndefined();
    const fresh = crowd.map((one) => ({ ...one, connectedAt: now - 4999 }));
    expect(eviction().choose(newcomer, fresh, now)).toBeUndefined();
    // The host that has most.
    const more = [1, 2, 3, 4, 5, 6].map(() => of('10.0.0.6'));
    expect(more).toContain(eviction().choose(newcomer, [...crowd, ...more], now));
  });

  it('changes one connection in ten seconds', () => {
    const churn = eviction();
    const peers = [peer(1), peer(2)];
    let changes = 0;
    for (let now = 100_000; now < 160_000; now += 100) {
      if (churn.choose(at(60), peers, now) !== undefined) changes++;
    }
    expect(changes).toBe(6);
  });
});
