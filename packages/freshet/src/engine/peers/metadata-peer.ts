import type { MetadataPeer } from './metadata-exchange.ts';
import type { PeerConnection } from './peer-connection.ts';

/** Bytes that may wait for a peer before it gets no more metadata: it can ask faster than it reads. */
const MAX_BACKLOG = 512 * 1024;

/** A connection as the exchange of metadata sees it: the exchange needs no wire, and is tested without one. */
export function metadataPeer(peer: PeerConnection): MetadataPeer {
  return {
    id: peer.id,
    get metadataSize(): number | undefined {
      return peer.extensions.id('ut_metadata') === undefined ? undefined : peer.extensions.metadataSize;
    },
    get busy(): boolean {
      return peer.backlog > MAX_BACKLOG;
    },
    sendMetadata: (payload) => peer.sendExtended('ut_metadata', payload),
    ban: (reason) => peer.ban(reason),
  };
}
