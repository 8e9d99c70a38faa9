import type { PeerStatus } from '../engine/torrent-types.ts';
import { parseAddress, toHex } from '../protocol/index.ts';

/** The connected peers that a program means by `host:port` or by a peer id in hexadecimal: several may share one. */
export function findPeers(peers: readonly PeerStatus[], text: string): PeerStatus[] {
  const wanted = parseAddress(text);
  if (wanted === undefined) {
    const peerId = text.toLowerCase();
    return peers.filter((peer) => peer.peerId !== undefined && toHex(peer.peerId) === peerId);
  }
  return peers.filter(({ address }) => address?.host === wanted.host && address.port === wanted.port);
}
