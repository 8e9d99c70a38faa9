import { equalBytes, type Handshake, type PeerAddress, type PeerId } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import type { Link } from '../ports.ts';
import type { SwarmKind } from '../swarm-hashes.ts';
import { Admission } from './admission.ts';
import { Candidates } from './candidates.ts';
import { Dialler, refuseLink } from './dialler.ts';
import { PeerConnection } from './peer-connection.ts';
import type { PeerOwner } from './peer-owner.ts';
import type { SwarmOptions } from './swarm-options.ts';

/** The swarm, as those who come see it. */
export interface EntranceHost extends PeerOwner {
  /** Those who are let in, by id. The entrance adds to them. */
  readonly peers: Map<number, PeerConnection>;
  readonly running: boolean;
  /** There is room for somebody else. */
  connect(): void;
}

export type EntranceOptions = Pick<
  SwarmOptions,
  'peerId' | 'clock' | 'dialer' | 'budget' | 'maxPeers' | 'listenPort' | 'nextPeerId'
>;

const NOT_RUNNING = 'the torrent is not running';

/**
 * How peers come into a torrent's swarm: the addresses that are dialled, the links that are open while handshakes are
 * exchanged, and what becomes of the address when a connection has come to nothing or to its end.
 */
export class Entrance {
  readonly candidates: Candidates = new Candidates();
  readonly #options: EntranceOptions;
  readonly #host: EntranceHost;
  // Made when there is a peer or an address: most torrents of a client that seeds thousands have neither.
  #admissionMade: Admission | undefined;
  #diallerMade: Dialler | undefined;
  /** Connections that have not been admitted yet. */
  readonly #handshaking = new LazySet<PeerConnection>();

  constructor(options: EntranceOptions, host: EntranceHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Who is let in, and who is not again. */
  get #admission(): Admission {
    const { peerId, maxPeers } = this.#options;
    this.#admissionMade ??= new Admission({
      peerId,
      maxPeers,
      candidates: this.candidates,
      listenPort: () => this.#options.listenPort(),
    });
    return this.#admissionMade;
  }

  get #dialler(): Dialler {
    const { dialer, budget, clock } = this.#options;
    this.#diallerMade ??= new Dialler({
      dialer,
      candidates: this.candidates,
      budget,
      clock,
      hasRoom: () => this.hasRoom,
      rank: (address) => this.#admission.rank(address),
      onLink: (link, address) => this.#open(link, false, address, this.candidates.swarmOf(address)),
      onFailed: () => this.#host.connect(),
    });
    return this.#diallerMade;
  }

  /** Whether another connection would be welcome. */
  get hasRoom(): boolean {
    const { running, peers } = this.#host;
    const count = peers.size + this.#handshaking.size + (this.#diallerMade?.size ?? 0);
    return running && count < this.#options.maxPeers;
  }

  /** Connections whose handshakes are being exchanged. */
  get handshaking(): number {
    return this.#handshaking.size;
  }

  /** Dials as many candidates as there is room for. */
  dialMore(): void {
    if (this.candidates.size > 0) this.#dialler.dialMore();
  }

  /**
   * Takes over an open link to a peer of this torrent (WebRTC).
   * @param incoming the peer made the offer.
   * @param swarm where the offer was made.
   */
  addLink(link: Link, incoming: boolean, swarm: SwarmKind): void {
    if (this.hasRoom && this.#options.budget.tryOpen()) this.#open(link, incoming, link.remote, swarm);
    else refuseLink(link);
  }

  /** The handshakes are exchanged. Returns why the peer is not let in, or `undefined`. */
  admit(peer: PeerConnection, handshake: Handshake): string | undefined {
    this.#handshaking.delete(peer);
    const { peers } = this.#host;
    if (!this.#host.running) return NOT_RUNNING;
    const verdict = this.#admission.decide(peer, handshake.peerId, peers, this.#options.clock.now());
    if (verdict.refusal !== undefined) return verdict.refusal;
    verdict.ends?.close(verdict.because ?? '');
    // Whoever was told of the end of the other one may have ended more.
    if (!this.#host.running || peer.closed) return NOT_RUNNING;
    peers.set(peer.id, peer);
    if (peer.address !== undefined && !peer.incoming) this.candidates.onConnected(peer.address, peer.swarm);
    return undefined;
  }

  /** The torrent has turned out to be a hybrid: peers that speak version 2 are called again, by its hash. */
  upgrade(): void {
    for (const peer of this.#host.peers.values()) {
      if (peer.v2 || !peer.knowsV2 || peer.incoming || peer.address === undefined) continue;
      this.candidates.callAgain(peer.address, 'v2');
    }
  }

  /** The peer has told how it sees our address. */
  onYourIp(peer: PeerConnection, address: string): void {
    this.#admission.onYourIp(peer, address);
  }

  /** The peer sent wrong data. */
  ban(peer: PeerConnection): void {
    this.#admission.ban(peer, this.#options.clock.now());
  }

  /** Whether a connection to this peer, met in `swarm`, would be new, or by version 2 in place of version 1. */
  wantsPeer(peerId: PeerId, swarm: SwarmKind): boolean {
    if (!this.hasRoom || this.#admissionMade?.isBanned(peerId) === true) return false;
    for (const peer of this.#host.peers.values()) {
      if (peer.peerId === undefined || !equalBytes(peer.peerId, peerId)) continue;
      return swarm === 'v2' && !peer.v2;
    }
    return true;
  }

  /** A connection that was let in has ended. @param useless as neither side had anything for the other. */
  onClosed(peer: PeerConnection, useless: boolean): void {
    this.#options.budget.closed();
    this.#admission.onClosed(peer);
    if (peer.address === undefined || peer.incoming) return;
    const now = this.#options.clock.now();
    if (useless) this.candidates.onUseless(peer.address, now);
    else this.candidates.onClosed(peer.address, true, now);
  }

  /** Ends every attempt. */
  close(reason: string): void {
    this.#diallerMade?.cancelAll();
    for (const peer of [...this.#handshaking]) peer.close(reason);
  }

  #open(link: Link, incoming: boolean, address: PeerAddress | undefined, swarm: SwarmKind | undefined): void {
    const peer = new PeerConnection(
      {
        id: this.#options.nextPeerId(),
        link,
        incoming,
        clock: this.#options.clock,
        address,
        swarm,
        route: () => this.#host,
        onRefused: (refused) => this.#onRefused(refused),
      },
      this.#host,
    );
    if (!peer.closed) this.#handshaking.add(peer);
  }

  /** A connection did not get as far as being admitted. */
  #onRefused(peer: PeerConnection): void {
    this.#handshaking.delete(peer);
    this.#options.budget.closed();
    if (peer.address !== undefined && !peer.incoming) this.#onTurnedAway(peer, peer.address);
    this.#host.connect();
  }

  #onTurnedAway(peer: PeerConnection, address: PeerAddress): void {
    const { running, hashes, peers } = this.#host;
    const { host, port } = address;
    for (const other of peers.values()) {
      if (other.incoming || other.address?.host !== host || other.address.port !== port) continue;
      // It was to be upgraded; it stays as it is.
      this.candidates.onConnected(address, other.swarm);
      return;
    }
    // Without a word it may know the torrent by the other hash.
    const silent = running && peer.peerId === undefined && hashes.hybrid;
    if (silent && this.candidates.tryOther(address)) return;
    this.candidates.onClosed(address, false, this.#options.clock.now());
  }
}
