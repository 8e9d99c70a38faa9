import {
  EXTENSION_ID,
  type ExtendedHandshake,
  equalBytes,
  type Handshake,
  type InfoHash,
  type PeerAddress,
  type PeerId,
  toHex,
} from '../../protocol/index.ts';
import type { Cancellable, Clock, Dialer, Link, Random, Timer } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import { Candidates } from './candidates.ts';
import { CHOKE_INTERVAL, decideChokes } from './choker.ts';
import type { ConnectionBudget } from './connection-budget.ts';
import type { MetadataExchange, MetadataPeer } from './metadata-exchange.ts';
import { PeerConnection } from './peer-connection.ts';
import { ORIGIN_EXTENSION } from './peer-extensions.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import { UPLOAD_QUEUE_LENGTH } from './upload-queue.ts';

export interface SwarmEvents {
  onPeer(peer: PeerConnection): void;
  onPeerClosed(peer: PeerConnection, reason: string): void;
  onReceived(peer: PeerConnection, bytes: number): void;
  onWasted(bytes: number): void;
  onSent(peer: PeerConnection, bytes: number): void;
  onReadError(piece: number, error: Error): void;
  /** Once a second while the swarm runs and there is anything to look after. */
  onTick(now: number): void;
}

export interface SwarmOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer | undefined;
  readonly budget: ConnectionBudget;
  readonly maxPeers: number;
  readonly uploadSlots: number;
  readonly uploadLimiter: RateLimiter;
  readonly downloadLimiter: RateLimiter;
  readonly metadata: MetadataExchange;
  readonly events: SwarmEvents;
  readonly clientName: string;
  /** We are the site's own seeder: peers that watch should turn to each other first. */
  readonly origin: boolean;
  listenPort(): number | undefined;
  nextPeerId(): number;
  metadataSize(): number | undefined;
  streaming(): boolean;
}

const TICK = 1000;
/** A silent connection may be replaced by a new one of the same peer after so many milliseconds. */
const LOST_AFTER = 15_000;
/** Bans of one host before nobody is let in from there. */
const MAX_BANS_OF_HOST = 3;
/** Bytes that may wait for a peer before it gets no more metadata: it can ask faster than it reads. */
const METADATA_BACKLOG = 512 * 1024;
/** Ticks between two rounds of the choker. */
const CHOKE_TICKS = CHOKE_INTERVAL / TICK;

/** The peers of one torrent: who is connected, who is tried next, who is unchoked. */
export class Swarm implements PeerOwner {
  readonly peers: Map<number, PeerConnection> = new Map();
  readonly candidates: Candidates = new Candidates();
  exchange: Exchange | undefined;
  readonly #options: SwarmOptions;
  readonly #dials = new Map<Cancellable, PeerAddress>();
  /** Connections that have not been admitted yet. */
  readonly #handshaking = new Set<PeerConnection>();
  readonly #bannedIds = new Set<string>();
  /** Bans by host: whoever comes back under other names is known by where from. */
  readonly #bansOfHost = new Map<string, number>();
  #running = false;
  #timer: Timer | undefined;
  /** When the timer fires, in clock milliseconds. */
  #timerAt = 0;
  #ticks = 0;
  #optimistic: number | undefined;
  #optimisticSince = 0;

  constructor(options: SwarmOptions) {
    this.#options = options;
  }

  get infoHash(): InfoHash {
    return this.#options.infoHash;
  }

  get peerId(): PeerId {
    return this.#options.peerId;
  }

  get uploadLimiter(): RateLimiter {
    return this.#options.uploadLimiter;
  }

  get downloadLimiter(): RateLimiter {
    return this.#options.downloadLimiter;
  }

  get streaming(): boolean {
    return this.#options.streaming();
  }

  get running(): boolean {
    return this.#running;
  }

  /** Whether another connection would be welcome. */
  get hasRoom(): boolean {
    const count = this.peers.size + this.#handshaking.size + this.#dials.size;
    return this.#running && count < this.#options.maxPeers;
  }

  /** Peers that would send something now. */
  get usefulPeers(): number {
    let count = 0;
    for (const peer of this.peers.values()) if (!peer.peerChoking && peer.amInterested) count++;
    return count;
  }

  /** We have everything that is wanted. */
  get seeding(): boolean {
    const { exchange } = this;
    if (exchange === undefined || exchange.undecided) return false;
    return exchange.store.picker.openPieces === 0 && exchange.store.partials.size === 0;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    // The stop before ended good connections, which says nothing against their addresses.
    this.candidates.retryAll();
    this.connect();
  }

  /** Ends every connection and every attempt. */
  stop(reason: string): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [dial, address] of [...this.#dials]) {
      dial.cancel();
      this.#dialEnded(dial);
      this.candidates.onCancelled(address);
    }
    for (const peer of [...this.#handshaking]) peer.close(reason);
    for (const peer of [...this.peers.values()]) peer.close(reason);
  }

  /** Metadata and stored pieces are known. */
  adopt(exchange: Exchange): void {
    this.exchange = exchange;
    for (const peer of [...this.peers.values()]) peer.adopt(exchange);
    for (const peer of [...this.peers.values()]) this.onInterest(peer);
    this.dropUseless();
  }

  /** Returns whether the address is new. */
  addAddress(address: PeerAddress): boolean {
    const added = this.candidates.add(address);
    if (added) this.connect();
    return added;
  }

  /** Takes over an open link to a peer of this torrent (WebRTC), to which we speak first. */
  addLink(link: Link, incoming: boolean): void {
    if (!this.hasRoom || !this.#options.budget.tryOpen()) {
      link.attach(DISCARD);
      link.close();
      return;
    }
    this.#open(link, incoming, link.remote);
  }

  /** Dials as many candidates as there is room for. */
  connect(): void {
    const { dialer, budget, clock } = this.#options;
    if (!this.#running) return;
    this.#arm();
    if (dialer === undefined) return;
    while (this.hasRoom && budget.hasRoom) {
      if (!budget.tryDial()) break;
      const address = this.candidates.next(clock.now());
      if (address === undefined) {
        budget.dialEnded();
        break;
      }
      this.#dial(dialer, address);
    }
  }

  /** Other peers hear of the piece, and we may need less of them. */
  onVerified(piece: number): void {
    for (const peer of [...this.peers.values()]) {
      peer.pieces.onVerified(piece);
      peer.announcePiece(piece);
      if (peer.pieces.wanted === 0 && peer.amInterested) peer.updateInterest();
    }
  }

  /** A piece turned out not to be there: peers that heard of it are told. */
  onLost(piece: number): void {
    for (const peer of [...this.peers.values()]) peer.retractPiece(piece);
    this.recount();
  }

  /** Lets every peer with room ask for more. */
  fill(): void {
    for (const peer of [...this.peers.values()]) peer.fillRequests();
  }

  /** The selection has changed, or pieces were lost. */
  recount(): void {
    for (const peer of [...this.peers.values()]) {
      peer.pieces.recount();
      peer.updateInterest();
    }
    this.dropUseless();
  }

  /** Lets every peer with room ask for more. @param givesWay whether requests for a piece are cancelled first. */
  requestUrgent(givesWay: ((piece: number) => boolean) | undefined): void {
    if (givesWay !== undefined) {
      for (const peer of [...this.peers.values()]) peer.pipeline?.cancelWhere(givesWay);
    }
    this.fill();
  }

  /** Ends connections between seeds, which have nothing to give each other. */
  dropUseless(): void {
    if (!this.seeding) return;
    for (const peer of [...this.peers.values()]) {
      if (peer.uploadOnly) peer.close('both sides have everything');
    }
  }

  // What a connection asks and tells

  extendedHandshake(peer: PeerConnection): ExtendedHandshake {
    return {
      m: {
        ut_metadata: EXTENSION_ID.ut_metadata,
        lt_donthave: EXTENSION_ID.lt_donthave,
        upload_only: EXTENSION_ID.upload_only,
        ...(this.#options.origin ? { [ORIGIN_EXTENSION]: 1 } : {}),
      },
      v: this.#options.clientName,
      p: this.#options.listenPort(),
      reqq: UPLOAD_QUEUE_LENGTH,
      metadataSize: this.#options.metadataSize(),
      yourip: peer.link.remote?.host,
      uploadOnly: this.exchange !== undefined && this.seeding ? true : undefined,
    };
  }

  admit(peer: PeerConnection, handshake: Handshake): string | undefined {
    this.#handshaking.delete(peer);
    if (!this.#running) return 'the torrent is not running';
    if (equalBytes(handshake.peerId, this.peerId)) {
      if (peer.address !== undefined && !peer.incoming) this.candidates.ban(peer.address);
      return 'that is this client itself';
    }
    if (this.#isBanned(peer, handshake.peerId)) return 'the peer is banned';
    if (this.peers.size >= this.#options.maxPeers) return 'there are enough connections';
    for (const other of this.peers.values()) {
      if (other.peerId === undefined || !equalBytes(other.peerId, handshake.peerId)) continue;
      if (!this.#prefers(peer, other, handshake.peerId)) return 'there is a connection to this peer already';
      other.close('replaced by another connection to the same peer');
      break;
    }
    // Whoever was told of the end of the other one may have ended more.
    if (!this.#running || peer.closed) return 'the torrent is not running';
    this.peers.set(peer.id, peer);
    if (peer.address !== undefined && !peer.incoming) this.candidates.onConnected(peer.address);
    this.#arm();
    return undefined;
  }

  onAdmitted(peer: PeerConnection): void {
    this.#options.events.onPeer(peer);
  }

  onExtendedHandshake(peer: PeerConnection): void {
    this.#options.metadata.addPeer(this.#metadataPeer(peer), this.#options.clock.now());
    this.onHave(peer);
  }

  onMetadataMessage(peer: PeerConnection, payload: Uint8Array): void {
    this.#options.metadata.onMessage(this.#metadataPeer(peer), payload, this.#options.clock.now());
  }

  onInterest(peer: PeerConnection): void {
    if (!peer.peerInterested || !peer.amChoking || this.exchange === undefined) return;
    // A free slot need not wait for the next round.
    let taken = 0;
    for (const other of this.peers.values()) if (!other.amChoking && other.peerInterested) taken++;
    if (taken < this.#options.uploadSlots) peer.unchoke(this.#options.clock.now());
  }

  onHave(peer: PeerConnection): void {
    if (peer.uploadOnly && this.seeding && this.exchange!.info.pieceCount > 0) {
      peer.close('both sides have everything');
    }
  }

  onReceived(peer: PeerConnection, bytes: number): void {
    this.#options.events.onReceived(peer, bytes);
  }

  onWasted(bytes: number): void {
    this.#options.events.onWasted(bytes);
  }

  onSent(peer: PeerConnection, bytes: number): void {
    this.#options.events.onSent(peer, bytes);
  }

  onReadError(piece: number, error: Error): void {
    this.#options.events.onReadError(piece, error);
  }

  onBanned(peer: PeerConnection): void {
    if (peer.peerId !== undefined) this.#bannedIds.add(toHex(peer.peerId));
    if (peer.address === undefined) return;
    if (!peer.incoming) this.candidates.ban(peer.address);
    this.#bansOfHost.set(peer.address.host, (this.#bansOfHost.get(peer.address.host) ?? 0) + 1);
  }

  onClosed(peer: PeerConnection, reason: string): void {
    this.peers.delete(peer.id);
    this.#options.metadata.removePeer(peer.id);
    this.#options.budget.closed();
    if (peer.address !== undefined && !peer.incoming) {
      this.candidates.onClosed(peer.address, true, this.#options.clock.now());
    }
    this.#options.events.onPeerClosed(peer, reason);
    if (!this.#running) return;
    // Its blocks are free again, and there is room for somebody else.
    this.fill();
    this.connect();
  }

  /** A connection that did not get as far as being admitted. */
  onRefused(peer: PeerConnection): void {
    this.#handshaking.delete(peer);
    this.#options.budget.closed();
    if (peer.address !== undefined && !peer.incoming) {
      this.candidates.onClosed(peer.address, false, this.#options.clock.now());
    }
    this.connect();
  }

  #dial(dialer: Dialer, address: PeerAddress): void {
    const { budget, clock } = this.#options;
    const dial = dialer.dial(address, {
      onLink: (link) => {
        this.#dialEnded(dial);
        if (!budget.tryOpen()) {
          link.attach(DISCARD);
          link.close();
          this.candidates.onClosed(address, false, clock.now());
          return;
        }
        this.#open(link, false, address);
      },
      onError: () => {
        this.#dialEnded(dial);
        this.candidates.onClosed(address, false, clock.now());
        this.connect();
      },
    });
    this.#dials.set(dial, address);
  }

  #dialEnded(dial: Cancellable): void {
    if (this.#dials.delete(dial)) this.#options.budget.dialEnded();
  }

  #open(link: Link, incoming: boolean, address: PeerAddress | undefined): void {
    const peer = new PeerConnection(
      {
        id: this.#options.nextPeerId(),
        link,
        incoming,
        clock: this.#options.clock,
        address,
        route: () => this,
        onRefused: (refused) => this.onRefused(refused),
      },
      this,
    );
    this.#handshaking.add(peer);
  }

  /** Of two connections to one peer both sides keep the one that the greater peer id opened. */
  #prefers(candidate: PeerConnection, existing: PeerConnection, peerId: PeerId): boolean {
    if (candidate.incoming === existing.incoming) {
      // Nobody connects twice who has a connection: it was lost on the other side, and ours has not noticed.
      return existing.silence(this.#options.clock.now()) > LOST_AFTER;
    }
    const weAreGreater = toHex(this.peerId) > toHex(peerId);
    return weAreGreater ? !candidate.incoming : candidate.incoming;
  }

  #isBanned(peer: PeerConnection, peerId: PeerId): boolean {
    if (this.#bannedIds.has(toHex(peerId))) return true;
    if (peer.address === undefined || peer.link.transport === 'webrtc') return false;
    return (
      this.candidates.isBanned(peer.address) ||
      (this.#bansOfHost.get(peer.address.host) ?? 0) >= MAX_BANS_OF_HOST
    );
  }

  #metadataPeer(peer: PeerConnection): MetadataPeer {
    return {
      id: peer.id,
      get metadataSize(): number | undefined {
        return peer.extensions.id('ut_metadata') === undefined ? undefined : peer.extensions.metadataSize;
      },
      get busy(): boolean {
        return peer.backlog > METADATA_BACKLOG;
      },
      sendMetadata: (payload) => peer.sendExtended('ut_metadata', payload),
      ban: (reason) => peer.ban(reason),
    };
  }

  #arm(): void {
    if (!this.#running) return;
    const { clock } = this.#options;
    const now = clock.now();
    const idle = this.peers.size === 0 && this.#handshaking.size === 0 && !this.streaming;
    const at = idle ? Math.max(now + TICK, this.candidates.nextTryAt()) : now + TICK;
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!Number.isFinite(at)) return;
    this.#timerAt = at;
    this.#timer = clock.setTimer(at - now, () => {
      this.#timer = undefined;
      this.#tick();
    });
  }

  /** Makes sure that the tick runs, as after a reader was opened. */
  wake(): void {
    this.#arm();
  }

  #tick(): void {
    const now = this.#options.clock.now();
    for (const peer of [...this.peers.values()]) peer.tick(now);
    const scheduler = this.exchange?.scheduler;
    if (scheduler !== undefined) {
      scheduler.bestQueueTime = this.#bestQueueTime();
      scheduler.hasFreeSeed = this.#hasFreeSeed();
    }
    if (++this.#ticks % CHOKE_TICKS === 0) this.#rechoke(now);
    this.#options.metadata.request(now);
    this.#options.events.onTick(now);
    this.connect();
    this.#arm();
  }

  /** Whether a peer that costs the site nothing has everything and would send it. */
  #hasFreeSeed(): boolean {
    for (const peer of this.peers.values()) {
      if (peer.isSeed && !peer.peerChoking && !peer.isOrigin) return true;
    }
    return false;
  }

  #bestQueueTime(): number {
    let best = Number.POSITIVE_INFINITY;
    for (const peer of this.peers.values()) {
      if (!peer.peerChoking && peer.amInterested && peer.pipeline !== undefined) {
        best = Math.min(best, peer.pipeline.queueTime);
      }
    }
    return Number.isFinite(best) ? best : 0;
  }

  #rechoke(now: number): void {
    if (this.exchange === undefined) return;
    const decision = decideChokes({
      peers: [...this.peers.values()].map((peer) => ({
        id: peer.id,
        interested: peer.peerInterested,
        unchoked: !peer.amChoking,
        received: peer.receivedInRound,
        sent: peer.sentInRound,
        sentSinceUnchoke: peer.sentSinceUnchoke,
        changedAt: peer.chokeChangedAt,
        connectedAt: peer.connectedAt,
      })),
      slots: this.#options.uploadSlots,
      seeding: this.seeding,
      now,
      optimistic: this.#optimistic,
      optimisticSince: this.#optimisticSince,
      below: (bound) => this.#options.random.below(bound),
    });
    this.#optimistic = decision.optimistic;
    this.#optimisticSince = decision.optimisticSince;
    for (const peer of [...this.peers.values()]) {
      peer.receivedInRound = 0;
      peer.sentInRound = 0;
      if (decision.unchoke.has(peer.id)) peer.unchoke(now);
      else if (!peer.amChoking) peer.choke(now);
    }
  }

  /** Ends the connection to a peer, by the engine's number for it. */
  removePeer(id: number): boolean {
    const peer = this.peers.get(id);
    peer?.close('removed by the user');
    return peer !== undefined;
  }

  /** Whether a connection to this peer would be new. */
  wantsPeer(peerId: PeerId): boolean {
    if (!this.hasRoom || this.#bannedIds.has(toHex(peerId))) return false;
    for (const peer of this.peers.values()) {
      if (peer.peerId !== undefined && equalBytes(peer.peerId, peerId)) return false;
    }
    return true;
  }
}

const DISCARD = { onData(): void {}, onDrain(): void {}, onClose(): void {} };
