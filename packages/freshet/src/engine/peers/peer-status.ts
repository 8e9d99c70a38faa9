import type { PeerStatus } from '../torrent-types.ts';
import type { PeerConnection } from './peer-connection.ts';

/** A connection as it is told to the outside: values of this moment, which do not change when it does. */
export function peerStatus(peer: PeerConnection, now: number): PeerStatus {
  const { downloaded, uploaded } = peer.traffic;
  return {
    id: peer.id,
    peerId: peer.peerId,
    address: peer.address,
    transport: peer.link.transport,
    incoming: peer.incoming,
    client: peer.client,
    progress: peer.pieces.progress,
    downloaded: downloaded.total,
    uploaded: uploaded.total,
    downloadRate: downloaded.rate(now),
    uploadRate: uploaded.rate(now),
    amChoking: peer.amChoking,
    amInterested: peer.amInterested,
    peerChoking: peer.peerChoking,
    peerInterested: peer.peerInterested,
    outstandingRequests: peer.pipeline?.outstanding ?? 0,
    isSeed: peer.isSeed,
    uploadOnly: peer.uploadOnly,
    isOrigin: peer.isOrigin,
    v2: peer.v2,
  };
}
