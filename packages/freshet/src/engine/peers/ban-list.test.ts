import { describe, expect, it } from 'vitest';
import { type PeerId, peerIdFromBytes } from '../../protocol/index.ts';
import { BanList } from './ban-list.ts';

const id = (n: number): PeerId => peerIdFromBytes(new Uint8Array(20).fill(n))!;

describe('BanList', () => {
  it('knows a peer by its id from the first ban, and a host from the third', () => {
    const bans = new BanList();
    bans.ban(id(1), '10.0.0.1');
    bans.ban(id(2), '10.0.0.1');
    expect([bans.hasPeer(id(1)), bans.hasPeer(id(2)), bans.hasPeer(id(3))]).toEqual([true, true, false]);
    expect(bans.hasHost('10.0.0.1')).toBe(false);
    bans.ban(id(3), '10.0.0.1');
    expect([bans.hasHost('10.0.0.1'), bans.hasHost('10.0.0.2')]).toEqual([true, false]);
  });

  it('takes what is known: an id without a host, a host without an id', () => {
    const bans = new BanList();
    bans.ban(id(1), undefined);
    for (let i = 0; i < 3; i++) bans.ban(undefined, '10.0.0.1');
    expect([bans.hasPeer(id(1)), bans.hasPeer(id(0)), bans.hasHost('10.0.0.1')]).toEqual([true, false, true]);
  });
});
