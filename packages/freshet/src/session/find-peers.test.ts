import { expect, it } from 'vitest';
import type { PeerStatus } from '../engine/torrent-types.ts';
import { peerIdFromBytes } from '../protocol/index.ts';
import { findPeers } from './find-peers.ts';

const peer = (id: number, host: string | undefined, fill?: number): PeerStatus => {
  const status: Partial<PeerStatus> = {
    id,
    address: host === undefined ? undefined : { host, port: 6881 },
    peerId: fill === undefined ? undefined : peerIdFromBytes(new Uint8Array(20).fill(fill)),
  };
  return status as PeerStatus;
};

it('finds peers by address or by peer id, whatever the case, and those without either never', () => {
  const peers = [peer(1, '10.0.0.1', 0xab), peer(2, '10.0.0.1'), peer(3, '10.0.0.2', 1), peer(4, undefined)];
  const found = (text: string): number[] => findPeers(peers, text).map(({ id }) => id);
  expect(found('10.0.0.1:6881')).toEqual([1, 2]);
  expect(found('10.0.0.1:6882')).toEqual([]);
  expect(found('AB'.repeat(20))).toEqual([1]);
  expect(found('ab'.repeat(19))).toEqual([]);
  expect(found('')).toEqual([]);
});
