import { describe, expect, it } from 'vitest';
import { type PeerId, peerIdFromBytes } from '../../protocol/index.ts';
import { BanList } from './ban-list.ts';

const id = (n: number): PeerId => {
  const bytes = new Uint8Array(20);
  new DataView(bytes.buffer).setUint32(0, n);
  return peerIdFromBytes(bytes)!;
};
const HOST = '10.0.0.1';
const HOUR = 3_600_000;

/** A list with so many liars of the host, numbered from 1. */
function withLiars(count: number): BanList {
  const bans = new BanList();
  for (let n = 1; n <= count; n++) bans.ban(id(n), HOST, n);
  return bans;
}

describe('BanList', () => {
  it('knows a peer by its id from the first ban, and a host from the third', () => {
    const two = withLiars(2);
    expect([two.hasPeer(id(1)), two.hasPeer(id(2)), two.hasPeer(id(9))]).toEqual([true, true, false]);
    expect([two.refuses(id(1), HOST, 3), two.refuses(id(9), HOST, 3)]).toEqual([true, false]);
    const three = withLiars(3);
    expect([three.refuses(id(9), HOST, 3), three.refuses(id(9), '10.0.0.2', 3)]).toEqual([true, false]);
    // Wherever it turns up.
    expect(three.refuses(id(1), '10.0.0.2', 3)).toBe(true);
  });

  it('opens a host again after an hour, and then begins to count anew', () => {
    const bans = withLiars(3);
    expect([bans.refuses(id(9), HOST, HOUR + 2), bans.refuses(id(9), HOST, HOUR + 3)]).toEqual([true, false]);
    expect(bans.refuses(id(1), HOST, HOUR + 3)).toBe(true);
    bans.ban(id(4), HOST, HOUR + 4);
    expect(bans.refuses(id(9), HOST, HOUR + 4)).toBe(false);
  });

  it('stays closed from the last liar on while they keep coming', () => {
    const bans = withLiars(3);
    bans.ban(id(4), HOST, HOUR - 1);
    expect(bans.refuses(id(9), HOST, 2 * HOUR - 2)).toBe(true);
  });

  it('lets those back in who gave good data from behind the same NAT', () => {
    const bans = withLiars(2);
    bans.trust(id(7));
    bans.ban(id(3), HOST, 3);
    expect([bans.refuses(id(7), HOST, 4), bans.refuses(id(8), HOST, 4)]).toEqual([false, true]);
    // Good data does not make up for wrong data.
    bans.ban(id(7), HOST, 5);
    bans.trust(id(7));
    expect(bans.refuses(id(7), HOST, 5)).toBe(true);
  });

  it('takes what is known: an id without a host, a host without an id', () => {
    const bans = new BanList();
    bans.ban(id(1), undefined, 0);
    for (let i = 0; i < 3; i++) bans.ban(undefined, HOST, 0);
    expect([bans.hasPeer(id(1)), bans.hasPeer(id(0)), bans.refuses(id(0), HOST, 0)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('remembers a bounded number, the latest', () => {
    const bans = new BanList();
    for (let n = 0; n < 10_000; n++) bans.ban(id(n), `10.0.${n >> 8}.${n & 255}`, n);
    expect([bans.hasPeer(id(0)), bans.hasPeer(id(9_999)), bans.hasPeer(id(6_000))]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
