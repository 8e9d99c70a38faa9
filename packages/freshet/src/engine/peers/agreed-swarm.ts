import type { Handshake } from '../../protocol/index.ts';
import type { SwarmHashes, SwarmKind } from '../swarm-hashes.ts';

/**
 * Which swarm's protocol two peers speak after their handshakes (BEP 52): that of the hash which both named. Whoever
 * is asked for the v1 swarm of a hybrid torrent, by a peer that has set the bit, answers with the v2 hash; so v2 it is
 * when we named v1 and are answered with v2.
 * @param said what we have named; `undefined` when we answer, and are free to.
 * @returns `undefined` when the peer means another torrent.
 */
export function agreedSwarm(
  hashes: SwarmHashes,
  peer: Pick<Handshake, 'infoHash' | 'v2'>,
  said: SwarmKind | undefined,
): SwarmKind | undefined {
  const named = hashes.swarmOf(peer.infoHash);
  if (said === undefined) return named === 'v1' && peer.v2 && hashes.v2 !== undefined ? 'v2' : named;
  return named === said || named === 'v2' ? named : undefined;
}
