import { describe, expect, it } from 'vitest';
import { type PeerId, peerIdFromBytes } from '../../protocol/index.ts';
import { type AdmissiblePeer, Admission } from './admission.ts';
import { Candidates } from './candidates.ts';

const id = (n: number): PeerId => peerIdFromBytes(new Uint8Array(20).fill(n))!;

interface Sketch {
  readonly host?: string | undefined;
  readonly incoming?: boolean;
  readonly webrtc?: boolean;
  readonly downloaded?: number;
  readonly connectedAt?: number;
}

function peer(n: number, sketch: Sketch = {}): AdmissiblePeer {
  return {
    peerId: id(n),
    incoming: sketch.incoming ?? true,
    swarm: 'v1',
    calledIn: 'v1',
    silence: () => 0,
    address:
      'host' in sketch && sketch.host === undefined
        ? undefined
        : { host: sketch.host ?? `10.${n}.0.1`, port: 1 },
    link: { transport: sketch.webrtc === true ? 'webrtc' : 'tcp' },
    connectedAt: sketch.connectedAt ?? 0,
    traffic: { receivedAt: undefined, sentAt: undefined, downloaded: { total: sketch.downloaded ?? 0 } },
  };
}

function setup(maxPeers = 3) {
  const candidates = new Candidates();
  const admission = new Admission({ peerId: id(200), maxPeers, candidates, listenPort: () => 6881 });
  const connected = new Map<number, AdmissiblePeer>();
  const decide = (n: number, sketch: Sketch = {}, now = 100_000) =>
    admission.decide(peer(n, sketch), id(n), connected, now);
  return { admission, candidates, connected, decide };
}

describe('Admission', () => {
  it('lets in whoever nothing speaks against, and not ourselves', () => {
    const { decide, candidates } = setup();
    expect(decide(1)).toEqual({});
    expect(decide(200, { incoming: false })).toEqual({ refusal: 'that is this client itself' });
    expect(candidates.isBanned({ host: '10.200.0.1', port: 1 })).toBe(true);
  });

  it('keeps out who is banned, by id and by address, and a host of liars but not its honest peers', () => {
    const { admission, decide, candidates } = setup();
    const nat = '100.64.0.1';
    admission.onClosed(peer(9, { host: nat, downloaded: 2_000_000 }));
    admission.onClosed(peer(8, { host: nat, downloaded: 2000 }));
    for (const n of [1, 2, 3]) admission.ban(peer(n, { host: nat, incoming: n !== 1 }), 0);
    expect(admission.isBanned(id(1))).toBe(true);
    expect(decide(1)).toEqual({ refusal: 'the peer is banned' });
    expect(candidates.isBanned({ host: nat, port: 1 })).toBe(true);
    const other = { host: '100.64.0.2' };
    expect(decide(5, other)).toEqual({});
    // The very address that was dialled is kept out for everybody.
    expect(decide(9, { host: nat })).toEqual({ refusal: 'the peer is banned' });
    const hidden = setup();
    hidden.admission.onClosed(peer(9, { host: nat, downloaded: 2_000_000 }));
    hidden.admission.onClosed(peer(8, { host: nat, downloaded: 2000 }));
    for (const n of [1, 2, 3]) hidden.admission.ban(peer(n, { host: nat }), 0);
    expect(hidden.decide(9, { host: nat })).toEqual({});
    expect(hidden.decide(8, { host: nat })).toEqual({ refusal: 'the peer is banned' });
    expect(hidden.decide(8, { host: nat }, 3_600_000)).toEqual({});
    // What a browser says of its address is nothing to go by.
    expect(hidden.decide(8, { host: nat, webrtc: true })).toEqual({});
  });

  it('keeps one connection to each peer', () => {
    const { decide, connected } = setup();
    const first = peer(1);
    connected.set(1, first);
    expect(decide(1)).toEqual({ refusal: 'there is a connection to this peer already' });
    // Ours is the greater id: the one that we dial stays.
    expect(decide(1, { incoming: false })).toMatchObject({ ends: first });
    // A full torrent does not stand in the way of that.
    for (const n of [2, 3]) connected.set(n, peer(n));
    expect(decide(1, { incoming: false })).toMatchObject({ ends: first });
  });

  it('when there are enough lets in only who has a higher priority than an idle one, once we know our address', () => {
    const { admission, decide, connected } = setup();
    for (const n of [1, 2, 3]) connected.set(n, peer(n));
    const outcomes = (): (string | undefined)[] =>
      Array.from({ length: 40 }, (_, i) => decide(10 + i, {}, 100_000 + i * 20_000).refusal);
    expect(new Set(outcomes())).toEqual(new Set(['there are enough connections']));
    admission.onYourIp(peer(1), '192.0.2.1');
    expect(new Set(outcomes()).size).toBe(2);
    const worst = [...connected.values()].sort(
      (a, b) => admission.rank(a.address!)! - admission.rank(b.address!)!,
    )[0]!;
    const better = Array.from({ length: 100 }, (_, i) => 10 + i).find(
      (n) => admission.rank({ host: `10.${n}.0.1`, port: 1 })! > admission.rank(worst.address!)!,
    )!;
    expect(decide(better, {}, 2_000_000)).toMatchObject({ ends: worst });
    expect(decide(better, { host: undefined }, 3_000_000).refusal).toBe('there are enough connections');
  });
});
