import {
  type Bitfield,
  type BlockRequest,
  EXTENSION_ID,
  type ExtendedHandshake,
  encodeHave,
  type Handshake,
  type PeerAddress,
  type PeerId,
} from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { GivesWay } from '../pieces/scheduler.ts';
import type { Link } from '../ports.ts';
import type { RateLimiter } from '../rate-limiter.ts';
import type { SwarmHashes, SwarmKind } from '../swarm-hashes.ts';
import { Alarm } from './alarm.ts';
import type { Candidates } from './candidates.ts';
import { ChokeRounds } from './choke-rounds.ts';
import { CHOKE_INTERVAL } from './choker.ts';
import { Entrance } from './entrance.ts';
import { Incentives } from './incentives.ts';
import { metadataPeer } from './metadata-peer.ts';
import type { PeerConnection } from './peer-connection.ts';
import { ORIGIN_EXTENSION } from './peer-extensions.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import { countRivals, countUseful, hasFreeSeed, speedsOf } from './peer-survey.ts';
import type { SwarmOptions } from './swarm-options.ts';
import { UPLOAD_QUEUE_LENGTH } from './upload-queue.ts';

const TICK = 1000;
/** Ticks between two rounds of the choker. */
const CHOKE_TICKS = CHOKE_INTERVAL / TICK;
const NOTHING_TO_GIVE = 'neither side has anything for the other';

/** The peers of one torrent: who is connected, what all of them are told, and the tick that looks after them. */
export class Swarm implements PeerOwner {
  readonly peers: Map<number, PeerConnection> = new LazyMap();
  exchange: Exchange | undefined;
  readonly #options: SwarmOptions;
  readonly #entrance: Entrance;
  // Made when there is a peer: most torrents of a client that seeds thousands have none.
  #chokeRoundsMade: ChokeRounds | undefined;
  #incentivesMade: Incentives | undefined;
  readonly #alarm: Alarm;
  #running = false;
  #ticks = 0;

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.#entrance = new Entrance(options, this);
    this.#alarm = new Alarm(options.clock, () => this.#tick());
  }

  /** The addresses that are known. */
  get candidates(): Candidates {
    return this.#entrance.candidates;
  }

  get #chokeRounds(): ChokeRounds {
    const { uploadSlots, uploadLimiter, random } = this.#options;
    this.#chokeRoundsMade ??= new ChokeRounds({
      peers: this.peers,
      slots: uploadSlots,
      limit: () => uploadLimiter.rate,
      random,
    });
    return this.#chokeRoundsMade;
  }

  get #incentives(): Incentives {
    if (this.#incentivesMade === undefined) {
      const { hasher, clock, random, superSeed, readCache, uploadSlots, uploadLimiter } = this.#options;
      this.#incentivesMade = new Incentives({
        hasher,
        clock,
        random,
        peers: this.peers,
        superSeed,
        readCache,
        uploadSlots,
        uploadLimiter,
      });
      if (this.exchange !== undefined) this.#incentivesMade.adopt(this.exchange);
    }
    return this.#incentivesMade;
  }

  get hashes(): SwarmHashes {
    return this.#options.hashes;
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
    return this.#entrance.hasRoom;
  }

  /** Peers that would send something now. */
  get usefulPeers(): number {
    return countUseful(this.peers.values());
  }

  /** Connected peers that want what we want. */
  get rivals(): number {
    return countRivals(this.peers.values());
  }

  /** We have everything that is wanted. */
  get seeding(): boolean {
    const { exchange } = this;
    if (exchange === undefined || exchange.undecided) return false;
    return exchange.store.verified.isFull || exchange.store.picker.missing.isEmpty;
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
    this.#alarm.cancel();
    this.#entrance.close(reason);
    for (const peer of [...this.peers.values()]) peer.close(reason);
  }

  /** Metadata and stored pieces are known. */
  adopt(exchange: Exchange): void {
    this.exchange = exchange;
    this.#incentivesMade?.adopt(exchange);
    for (const peer of [...this.peers.values()]) peer.adopt(exchange);
    for (const peer of [...this.peers.values()]) this.onInterest(peer);
    this.dropUseless();
  }

  /** Returns whether the address is new. @param swarm where it was found, if that is known. */
  addAddress(address: PeerAddress, swarm?: SwarmKind): boolean {
    const added = this.candidates.add(address, swarm);
    if (added) this.connect();
    return added;
  }

  /** The torrent has turned out to be a hybrid: peers that speak version 2 are called again, by its hash. */
  upgrade(): void {
    this.#entrance.upgrade();
    this.connect();
  }

  /**
   * Takes over an open link to a peer of this torrent (WebRTC).
   * @param incoming the peer made the offer.
   * @param swarm where the offer was made.
   */
  addLink(link: Link, incoming: boolean, swarm: SwarmKind): void {
    this.#entrance.addLink(link, incoming, swarm);
  }

  /** Dials as many candidates as there is room for. */
  connect(): void {
    if (!this.#running) return;
    this.#arm();
    this.#entrance.dialMore();
  }

  /** Other peers hear of the piece, and we may need less of them. */
  onVerified(piece: number): void {
    // The same for all.
    const message = encodeHave(piece);
    for (const peer of [...this.peers.values()]) {
      peer.announcePiece(message);
      if (peer.amInterested && !peer.pieces.interesting) peer.updateInterest();
    }
    if (this.exchange?.store.verified.isFull === true) this.#incentivesMade?.onComplete();
  }

  /** A piece turned out not to be there: peers that heard of it are told. */
  onLost(piece: number): void {
    this.#incentivesMade?.onLost();
    for (const peer of [...this.peers.values()]) peer.retractPiece(piece);
    this.recount();
  }

  /** Lets every peer with room ask for more. */
  fill(): void {
    for (const peer of [...this.peers.values()]) peer.fillRequests();
  }

  /** The selection has changed, or pieces were lost. */
  recount(): void {
    for (const peer of [...this.peers.values()]) peer.updateInterest();
    this.dropUseless();
  }

  /** Lets every peer with room ask for more. @param givesWay which requests are cancelled first. */
  requestUrgent(givesWay: GivesWay | undefined): void {
    if (givesWay !== undefined) {
      for (const peer of [...this.peers.values()]) peer.pipeline?.cancelWhere(givesWay);
      // Their queues are shorter now.
      if (this.exchange !== undefined) this.exchange.scheduler.speeds = speedsOf(this.peers.values());
    }
    this.fill();
  }

  /** Ends connections between seeds, which have nothing to give each other. */
  dropUseless(): void {
    if (!this.seeding) return;
    for (const peer of [...this.peers.values()]) {
      if (this.#isUseless(peer)) peer.close(NOTHING_TO_GIVE);
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
      uploadOnly:
        this.exchange !== undefined && this.seeding && !this.#incentives.superSeeding ? true : undefined,
    };
  }

  admit(peer: PeerConnection, handshake: Handshake): string | undefined {
    const refusal = this.#entrance.admit(peer, handshake);
    if (refusal === undefined) this.#arm();
    return refusal;
  }

  onAdmitted(peer: PeerConnection): void {
    this.#options.events.onPeer(peer);
  }

  onExtendedHandshake(peer: PeerConnection): void {
    this.#options.metadata.addPeer(metadataPeer(peer), this.#options.clock.now());
    const { yourip } = peer.extensions;
    if (yourip !== undefined) this.#entrance.onYourIp(peer, yourip);
    this.onHave(peer);
  }

  onMetadataMessage(peer: PeerConnection, payload: Uint8Array): void {
    this.#options.metadata.onMessage(metadataPeer(peer), payload, this.#options.clock.now());
  }

  onInterest(peer: PeerConnection): void {
    if (this.#isUseless(peer)) peer.close(NOTHING_TO_GIVE);
    else if (this.exchange !== undefined) this.#chokeRounds.offerFreeSlot(peer, this.#options.clock.now());
  }

  onHave(peer: PeerConnection): void {
    this.#incentives.onPieces(peer);
    if (this.#isUseless(peer)) peer.close(NOTHING_TO_GIVE);
  }

  get announced(): Bitfield | undefined {
    return this.#incentives.announced;
  }

  accepts(peer: PeerConnection, request: BlockRequest): boolean {
    return this.#incentives.accepts(peer, request);
  }

  onUnchoked(peer: PeerConnection): void {
    this.#incentives.onUnchoked(peer);
  }

  onReceived(peer: PeerConnection, bytes: number): void {
    this.#options.events.onReceived(peer, bytes);
  }

  onWasted(bytes: number): void {
    this.#options.events.onWasted(bytes);
  }

  onSent(peer: PeerConnection, bytes: number, piece: number): void {
    this.#incentives.onSent(piece);
    this.#options.events.onSent(peer, bytes);
  }

  onReadError(piece: number, error: Error): void {
    this.#options.events.onReadError(piece, error);
  }

  onBanned(peer: PeerConnection, reason: string): void {
    this.#entrance.ban(peer);
    this.#options.events.onPeerBanned(peer, reason);
  }

  onClosed(peer: PeerConnection, reason: string): void {
    this.peers.delete(peer.id);
    this.#options.metadata.removePeer(peer.id);
    this.#incentives.onClosed(peer.id);
    this.#entrance.onClosed(peer, reason === NOTHING_TO_GIVE);
    this.#options.events.onPeerClosed(peer, reason);
    if (!this.#running) return;
    // Its blocks are free again, and there is room for somebody else.
    this.fill();
    this.connect();
  }

  /** Neither side has anything that the other wants, as between seeds, whole or partial (BEP 21). */
  #isUseless(peer: PeerConnection): boolean {
    if (!peer.uploadOnly || peer.peerInterested || !this.seeding) return false;
    return this.exchange!.info.pieceCount > 0;
  }

  #arm(): void {
    if (!this.#running) return;
    const nextTick = this.#options.clock.now() + TICK;
    const idle = this.peers.size === 0 && this.#entrance.handshaking === 0 && !this.streaming;
    this.#alarm.ringBy(idle ? Math.max(nextTick, this.candidates.nextTryAt()) : nextTick);
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
      scheduler.speeds = speedsOf(this.peers.values());
      scheduler.hasFreeSeed = hasFreeSeed(this.peers.values());
      scheduler.rivals = countRivals(this.peers.values());
    }
    if (++this.#ticks % CHOKE_TICKS === 0 && this.exchange !== undefined) {
      this.#chokeRounds.next(now, this.seeding);
    }
    if (this.peers.size > 0) this.#incentives.tick(now);
    this.#options.metadata.request(now);
    this.#options.events.onTick(now);
    this.connect();
    this.#arm();
  }

  /** Ends the connection to a peer, by the engine's number for it. */
  removePeer(id: number): boolean {
    const peer = this.peers.get(id);
    peer?.close('removed by the user');
    return peer !== undefined;
  }

  /** Whether a connection to this peer, met in `swarm`, would be new, or by version 2 in place of version 1. */
  wantsPeer(peerId: PeerId, swarm: SwarmKind): boolean {
    return this.#entrance.wantsPeer(peerId, swarm);
  }
}
