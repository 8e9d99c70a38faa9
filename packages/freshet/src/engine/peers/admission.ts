import { equalBytes, type PeerAddress, type PeerId, toHex } from '../../protocol/index.ts';
import type { Transport } from '../ports.ts';
import { BanList } from './ban-list.ts';
import type { Candidates } from './candidates.ts';
import { type DuplicateConnection, replacesExisting } from './duplicate-connection.ts';
import { type EvictablePeer, PeerEviction } from './peer-eviction.ts';
import { ExternalAddress, peerPriority } from './peer-priority.ts';

/** Whoever gave so many bytes and was not blamed for any is not shut out for what others of its host did. */
const GOOD_BYTES = 1024 * 1024;

/** A connection, as far as letting it in goes. */
export interface AdmissiblePeer extends DuplicateConnection, EvictablePeer {
  readonly peerId: PeerId | undefined;
  readonly link: { readonly transport: Transport };
  readonly traffic: EvictablePeer['traffic'] & { readonly downloaded: { readonly total: number } };
}

export interface AdmissionOptions {
  /** Our own. */
  readonly peerId: PeerId;
  readonly maxPeers: number;
  readonly candidates: Candidates;
  /** Port that we listen on; `undefined` while we do not. */
  listenPort(): number | undefined;
}

/** Why the peer is refused, or that it is let in, and which connection must end for it. */
export type Verdict<P> =
  | { readonly refusal: string }
  | { readonly refusal?: undefined; readonly ends?: P | undefined; readonly because?: string };

/**
 * Who is let into a torrent's swarm: nobody who is banned, one connection to each peer, and when there are enough,
 * whoever suits us better than one that is of no use at the moment (BEP 40).
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #bans = new BanList();
  readonly #external = new ExternalAddress();
  readonly #eviction = new PeerEviction((address) => this.rank(address));

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Decides about a peer that has said who it is.
   * @param connected those who are let in already.
   * @param now clock milliseconds.
   */
  decide<P extends AdmissiblePeer>(
    peer: P,
    peerId: PeerId,
    connected: ReadonlyMap<number, P>,
    now: number,
  ): Verdict<P> {
    const { candidates, maxPeers } = this.#options;
    if (equalBytes(peerId, this.#options.peerId)) {
      if (peer.address !== undefined && !peer.incoming) candidates.ban(peer.address);
      return { refusal: 'that is this client itself' };
    }
    if (this.#isBanned(peer, peerId, now)) return { refusal: 'the peer is banned' };
    const ourIdIsGreater = toHex(this.#options.peerId) > toHex(peerId);
    for (const other of connected.values()) {
      if (other.peerId === undefined || !equalBytes(other.peerId, peerId)) continue;
      if (!replacesExisting(peer, other, ourIdIsGreater, now)) {
        return { refusal: 'there is a connection to this peer already' };
      }
      return { ends: other, because: 'replaced by another connection to the same peer' };
    }
    if (connected.size < maxPeers) return {};
    const ends = this.#eviction.choose(peer.address, connected.values(), now);
    if (ends === undefined) return { refusal: 'there are enough connections' };
    return { ends, because: 'made room for a peer of higher priority' };
  }

  /** The peer sent wrong data. */
  ban(peer: AdmissiblePeer, now: number): void {
    this.#bans.ban(peer.peerId, peer.address?.host, now);
    if (peer.address !== undefined && !peer.incoming) this.#options.candidates.ban(peer.address);
  }

  /** The connection has ended. */
  onClosed(peer: AdmissiblePeer): void {
    if (peer.peerId !== undefined && peer.traffic.downloaded.total >= GOOD_BYTES) {
      this.#bans.trust(peer.peerId);
    }
  }

  isBanned(peerId: PeerId): boolean {
    return this.#bans.hasPeer(peerId);
  }

  /** The peer has told how it sees our address. */
  onYourIp(peer: AdmissiblePeer, address: string): void {
    if (peer.address === undefined || !this.#external.vote(peer.address.host, address)) return;
    this.#options.candidates.rankAnew();
  }

  /** Canonical priority of a connection to the address (BEP 40), once peers have told how they see us. */
  rank(address: PeerAddress): number | undefined {
    const host = this.#external.towards(address.host);
    if (host === undefined) return undefined;
    return peerPriority({ host, port: this.#options.listenPort() ?? 0 }, address);
  }

  #isBanned(peer: AdmissiblePeer, peerId: PeerId, now: number): boolean {
    if (this.#bans.hasPeer(peerId)) return true;
    if (peer.address === undefined || peer.link.transport === 'webrtc') return false;
    return (
      this.#options.candidates.isBanned(peer.address) || this.#bans.refuses(peerId, peer.address.host, now)
    );
  }
}
