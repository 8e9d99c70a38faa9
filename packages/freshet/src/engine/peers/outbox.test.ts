import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import { encodeExtendedHandshake } from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { Outbox } from './outbox.ts';
import { PeerExtensions } from './peer-extensions.ts';

describe('Outbox', () => {
  it('sends at once, or together at the end of the outermost cork, or what is left when it is closed', () => {
    const writes: number[][] = [];
    const link = {
      queuedBytes: 7,
      send: (parts: readonly Uint8Array[]) => writes.push(parts.map((part) => part[0]!)),
    } as Partial<Link> as Link;
    const box = new Outbox(link, new VirtualClock());
    const say = (n: number): void => box.send(Uint8Array.of(n));
    say(1);
    box.together(() => {
      say(2);
      box.together(() => say(3));
      say(4);
      expect(box.backlog).toBe(10);
    });
    expect(writes).toEqual([[1], [2, 3, 4]]);
    expect(() =>
      box.together(() => {
        say(5);
        throw new Error('no');
      }),
    ).toThrow('no');
    box.together(() => {
      say(6);
      box.close();
      say(7);
    });
    say(8);
    expect(writes).toEqual([[1], [2, 3, 4], [5], [6]]);
    expect(box.backlog).toBe(7);
  });
});

describe('PeerExtensions', () => {
  it('keeps what it knows, changes what is said again, and drops the rest', () => {
    const peer = new PeerExtensions();
    expect(peer.update(Uint8Array.of(1, 2, 3))).toBeUndefined();
    const m: Record<string, number> = { ut_metadata: 3, lt_donthave: 7, fr_origin: 1 };
    for (let i = 0; i < 100; i++) m[`made_up_${i}`] = 9;
    peer.update(encodeExtendedHandshake({ m, v: 'X 1', reqq: 50, metadataSize: 99, uploadOnly: true }));
    expect([peer.id('ut_metadata'), peer.id('ut_pex'), peer.isOrigin]).toEqual([3, undefined, true]);
    peer.update(encodeExtendedHandshake({ m: { ut_metadata: 0, ut_pex: 5 } }));
    expect([peer.id('ut_metadata'), peer.id('ut_pex'), peer.id('lt_donthave')]).toEqual([undefined, 5, 7]);
    expect([peer.client, peer.reqq, peer.metadataSize, peer.uploadOnly]).toEqual(['X 1', 50, 99, true]);
    peer.update(encodeExtendedHandshake({ m: {}, uploadOnly: false }));
    expect(peer.uploadOnly).toBe(false);
  });
});
