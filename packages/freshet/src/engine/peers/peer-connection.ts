import {
  type Bitfield,
  type BlockRequest,
  type ExtensionName,
  encodeAllowedFast,
  encodeCancel,
  encodeChoke,
  encodeDontHave,
  encodeExtended,
  encodeHashReject,
  encodeHave,
  encodeInterested,
  encodeKeepAlive,
  encodeNotInterested,
  encodeReject,
  encodeRequests,
  encodeSuggest,
  encodeUnchoke,
  type Handshake,
  type HashRequest,
  type InfoHash,
  type PeerAddress,
  type PeerId,
} from '../../protocol/index.ts';
import type { Clock, Link, LinkHandler, Timer } from '../ports.ts';
import type { RateShare } from '../rate-limiter.ts';
import type { SwarmKind } from '../swarm-hashes.ts';
import type { PeerStatus } from '../torrent-types.ts';
import { agreedSwarm } from './agreed-swarm.ts';
import { clientName } from './client-name.ts';
import { Greeting } from './greeting.ts';
import { Inbox, type InboxHost } from './inbox.ts';
import { Outbox } from './outbox.ts';
import type { PeerExtensions } from './peer-extensions.ts';
import { type HashWire, PeerHashes } from './peer-hashes.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import type { PeerPieces } from './peer-pieces.ts';
import { peerStatus } from './peer-status.ts';
import { PeerTraffic } from './peer-traffic.ts';
import { ReadThrottle } from './read-throttle.ts';
import { type PipelineWire, RequestPipeline } from './request-pipeline.ts';
import { UploadQueue, type UploadWire } from './upload-queue.ts';

/** Milliseconds in which both handshakes must be exchanged. */
const HANDSHAKE_TIMEOUT = 15_000;
/** Milliseconds for which a peer that has called may take to name its swarm before we name ours. */
const FIRST_WORD_PATIENCE = 2000;
/** We say something at least this often (BEP 3: two minutes). */
const KEEP_ALIVE = 90_000;
/** A peer that says nothing for this long is gone. */
const SILENCE = 180_000;
/** A peer that lets this much small talk pile up does not read any more, in bytes. */
const MAX_BACKLOG = 8 * 1024 * 1024;
/** A peer that has taken so many bytes and given nothing for so many milliseconds snubs us (BEP 3: a minute). */
const SNUB_BYTES = 64 * 1024;
const SNUB_TIME = 60_000;

export interface PeerConnectionOptions {
  readonly id: number;
  readonly link: Link;
  readonly incoming: boolean;
  readonly clock: Clock;
  /** The address it was dialled at, or that its link comes from. */
  readonly address: PeerAddress | undefined;
  /** Where it was found; the torrent's first swarm when absent. For connections on which we speak first. */
  readonly swarm?: SwarmKind | undefined;
  /** Finds the torrent that an incoming handshake is for, or says why there is none. */
  route(handshake: Handshake, peer: PeerConnection): PeerOwner | string;
  /** Ends before it was admitted. */
  onRefused(peer: PeerConnection, reason: string): void;
}

/**
 * One connection to one peer, from the handshake to its end: puts together what the peer says (inbox), what we say
 * (greeting, outbox) and the queues of both directions, and holds our side's state of the wire (BEP 3, 6, 10).
 */
export class PeerConnection implements HashWire, InboxHost, LinkHandler, PipelineWire, UploadWire {
  readonly id: number;
  readonly link: Link;
  readonly incoming: boolean;
  readonly address: PeerAddress | undefined;
  readonly connectedAt: number;
  readonly traffic: PeerTraffic = new PeerTraffic();
  peerId: PeerId | undefined;
  amChoking = true;
  amInterested = false;
  chokeChangedAt: number;
  pipeline: RequestPipeline | undefined;
  upload: UploadQueue | undefined;
  /** Hash messages, on a connection that speaks v2. */
  #hashes: PeerHashes | undefined;
  readonly #options: PeerConnectionOptions;
  readonly #clock: Clock;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #greeting: Greeting;
  readonly #throttle: ReadThrottle;
  #owner: PeerOwner | undefined;
  /** Its part in the download limit. */
  #limit: RateShare | undefined;
  #fast = false;
  #admitted = false;
  #closed = false;
  /** Bytes of the peer are being read. */
  #inTurn = false;
  #handshakeTimer: Timer | undefined;
  #patience: Timer | undefined;
  #swarm: SwarmKind | undefined;
  #calledIn: SwarmKind | undefined;
  #knowsV2 = false;

  /**
   * @param owner the torrent, when it is known before the peer speaks. Then we speak first, unless the peer has called
   * (WebRTC) in the v1 swarm of a hybrid torrent: only who answers can upgrade the connection to v2 (BEP 52).
   */
  constructor(options: PeerConnectionOptions, owner: PeerOwner | undefined) {
    this.id = options.id;
    this.link = options.link;
    this.incoming = options.incoming;
    this.address = options.address;
    this.#options = options;
    this.#clock = options.clock;
    this.#owner = owner;
    this.#limit = owner?.downloadLimiter.share();
    const now = options.clock.now();
    this.connectedAt = now;
    this.chokeChangedAt = now;
    this.#outbox = new Outbox(options.link, options.clock);
    this.#greeting = new Greeting(this.#outbox);
    this.#inbox = new Inbox(this, now);
    // Nothing need be on its way that would lead to more requests.
    this.#throttle = new ReadThrottle(options.link, () => this.fillRequests());
    this.#handshakeTimer = options.clock.setTimer(HANDSHAKE_TIMEOUT, () =>
      this.close('no handshake in time'),
    );
    this.link.attach(this);
    if (owner === undefined) return;
    if (options.incoming && owner.hashes.hybrid && options.swarm !== 'v2') {
      this.#patience = options.clock.setTimer(FIRST_WORD_PATIENCE, () => this.#introduce(owner));
    } else this.#introduce(owner);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get pieces(): PeerPieces {
    return this.#inbox.pieces;
  }

  /** What the peer said in its extended handshake. */
  get extensions(): PeerExtensions {
    return this.#inbox.extensions;
  }

  get peerChoking(): boolean {
    return this.#inbox.choking;
  }

  get peerInterested(): boolean {
    return this.#inbox.interested;
  }

  get isSeed(): boolean {
    return this.pieces.isSeed;
  }

  get isOrigin(): boolean {
    return this.extensions.isOrigin;
  }

  /** It downloads nothing: it has everything, or said so (BEP 21). */
  get uploadOnly(): boolean {
    return this.isSeed || this.extensions.uploadOnly;
  }

  /** The swarm that both sides have named, once the handshakes are exchanged. */
  get swarm(): SwarmKind | undefined {
    return this.#swarm;
  }

  /** The peer has said that it can speak of the torrent as one of version 2. */
  get knowsV2(): boolean {
    return this.#knowsV2;
  }

  /** The swarm that the caller named: the other one than `swarm` when the connection was upgraded. */
  get calledIn(): SwarmKind | undefined {
    return this.#calledIn;
  }

  /** Both sides speak of the torrent as one of version 2 (BEP 52): hashes may be asked for. */
  get v2(): boolean {
    return this.#swarm === 'v2';
  }

  /** It has said which pieces it has. */
  get toldPieces(): boolean {
    return this.#inbox.toldPieces;
  }

  /** Pieces that it has. */
  get pieceCount(): number {
    return this.pieces.count;
  }

  /** The hash by which the torrent is known on this connection, once the handshakes are exchanged. */
  get infoHash(): InfoHash | undefined {
    return this.#swarm && this.#owner?.hashes.of(this.#swarm);
  }

  has(piece: number): boolean {
    return this.pieces.has(piece);
  }

  /** In super-seeding (BEP 16) we admit to have the piece. */
  reveal(piece: number): void {
    this.announcePiece(piece);
  }

  /** The peer speaks the fast extension (BEP 6), and so do we: each request is answered. */
  get fast(): boolean {
    return this.#fast;
  }

  get client(): string {
    if (this.extensions.client !== undefined) return this.extensions.client;
    return this.peerId === undefined ? 'unknown' : clientName(this.peerId);
  }

  /** Bytes of ours that the link has not taken yet. */
  get backlog(): number {
    return this.#outbox.backlog;
  }

  /** Milliseconds since the peer sent anything. */
  silence(now: number): number {
    return this.#throttle.paused ? 0 : now - this.#inbox.lastReceived;
  }

  /** Blocks are on their way. */
  get #expecting(): boolean {
    return this.pipeline !== undefined && this.pipeline.outstanding > 0;
  }

  /**
   * It takes from us and has given nothing for a minute, though it has what we want, and not for want of being asked:
   * it chokes us or leaves requests without an answer.
   */
  snubs(now: number): boolean {
    if (!this.amInterested || this.traffic.unthanked < SNUB_BYTES) return false;
    if (now - (this.traffic.receivedAt ?? this.connectedAt) < SNUB_TIME) return false;
    return this.peerChoking || this.pipeline?.window.snubbed === true;
  }

  // What the link tells

  onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#outbox.together(() => {
      this.#inTurn = true;
      try {
        this.#inbox.push(chunk, this.#clock.now());
      } finally {
        this.#inTurn = false;
      }
      this.fillRequests();
    });
    if (this.#closed) return;
    this.upload?.pump();
    if (this.#limit !== undefined) this.#throttle.apply(this.#limit, this.#expecting);
    const store = this.#owner?.exchange?.store;
    if (store !== undefined) this.#throttle.hold(store);
  }

  onDrain(): void {
    this.upload?.pump();
    this.#hashes?.onDrain();
  }

  onClose(error: Error | undefined): void {
    this.close(error === undefined ? 'the peer closed the connection' : error.message);
  }

  // What the peer's words lead to

  onHandshake(handshake: Handshake): void {
    const routed = this.#owner ?? this.#options.route(handshake, this);
    if (typeof routed === 'string') {
      this.close(routed);
      return;
    }
    const swarm = agreedSwarm(routed.hashes, handshake, this.#greeting.said);
    if (swarm === undefined) {
      this.close('the peer serves another torrent');
      return;
    }
    this.#owner = routed;
    this.#swarm = swarm;
    this.#knowsV2 = handshake.v2;
    this.#calledIn = this.incoming ? routed.hashes.swarmOf(handshake.infoHash) : this.#greeting.said;
    this.#limit ??= routed.downloadLimiter.share();
    this.peerId = handshake.peerId;
    this.#fast = handshake.fast;
    this.#handshakeTimer?.cancel();
    this.#patience?.cancel();
    const refusal = routed.admit(this, handshake);
    if (refusal !== undefined) {
      this.close(refusal);
      return;
    }
    this.#admitted = true;
    this.#greeting.introduce(routed.hashes, swarm, routed.peerId);
    const { exchange } = routed;
    this.#greeting.greet(handshake, () => routed.extendedHandshake(this), routed.announced);
    if (exchange !== undefined) this.adopt(exchange);
    if (!this.#closed) routed.onAdmitted(this);
  }

  onInterest(): void {
    this.#owner?.onInterest(this);
  }

  onPieces(): void {
    if (this.#closed) return;
    if (this.pipeline !== undefined) this.pipeline.barrenSince = -1;
    this.updateInterest();
    this.#owner?.onHave(this);
  }

  onExtendedHandshake(): void {
    this.#owner?.onExtendedHandshake(this);
  }

  onMetadataMessage(payload: Uint8Array): void {
    this.#owner?.onMetadataMessage(this, payload);
  }

  onUploadOnly(): void {
    this.#owner?.onHave(this);
  }

  onHashRequest(request: HashRequest): void {
    if (this.#hashes === undefined) this.send(encodeHashReject(request));
    else this.#hashes.onHashRequest(request);
  }

  onHashes(request: HashRequest, hashes: Uint8Array): void {
    if (this.#hashes === undefined) this.onWaste(hashes.length);
    else this.#hashes.onHashes(request, hashes);
  }

  onHashReject(request: HashRequest): void {
    this.#hashes?.onHashReject(request);
  }

  onHashBytes(bytes: number): void {
    this.#limit?.take(bytes);
  }

  /** Whether a request of the peer is answered. */
  accepts(request: BlockRequest): boolean {
    return this.#owner?.accepts(this, request) === true;
  }

  // What the queues ask for

  suggestion(isAsGood: (piece: number) => boolean): number {
    return this.#inbox.suggested.take(isAsGood);
  }

  get have(): Bitfield | undefined {
    return this.pieces.have;
  }

  sendRequests(requests: readonly BlockRequest[]): void {
    this.send(encodeRequests(requests));
    this.#hashes?.onRequested(requests);
  }

  sendCancel(piece: number, begin: number, length: number): void {
    this.send(encodeCancel(piece, begin, length));
  }

  sendReject(request: BlockRequest): void {
    if (this.#fast) this.send(encodeReject(request.piece, request.begin, request.length));
  }

  discardPayload(): void {
    this.#inbox.discardPayload();
  }

  onPayload(bytes: number): void {
    this.traffic.onReceived(bytes, this.#inbox.lastReceived);
    const owner = this.#owner!;
    this.#limit?.take(bytes);
    owner.onReceived(this, bytes);
  }

  onWaste(bytes: number): void {
    this.traffic.onWasted(bytes);
    this.#limit?.take(bytes);
    this.#owner?.onWasted(bytes);
    if (this.traffic.isFlood) this.close('the peer sends data that nobody asked for');
  }

  onUploaded(bytes: number, piece: number): void {
    this.#outbox.lastSent = this.#clock.now();
    this.traffic.onSent(bytes, this.#outbox.lastSent);
    this.#owner?.onSent(this, bytes, piece);
  }

  onReadError(piece: number, error: Error): void {
    this.#owner?.onReadError(piece, error);
  }

  ban(reason: string): void {
    this.#owner?.onBanned(this, reason);
    this.close(reason);
  }

  // What the torrent asks for

  choke(now: number): void {
    if (this.amChoking) return;
    this.amChoking = true;
    this.chokeChangedAt = now;
    this.together(() => {
      this.send(encodeChoke());
      this.upload?.clear();
    });
  }

  unchoke(now: number): void {
    if (!this.amChoking) return;
    this.amChoking = false;
    this.chokeChangedAt = now;
    this.traffic.onUnchoked();
    this.together(() => {
      this.send(encodeUnchoke());
      this.#owner?.onUnchoked(this);
    });
  }

  /** Tells whether we want anything of the peer, and asks for it. */
  updateInterest(): void {
    if (this.#closed || !this.#greeting.done) return;
    const interested = this.pieces.interesting;
    if (interested !== this.amInterested) {
      this.amInterested = interested;
      this.send(interested ? encodeInterested() : encodeNotInterested());
    }
    this.fillRequests();
  }

  fillRequests(): void {
    if (this.#closed || this.#inTurn || !this.amInterested) return;
    const allowed = this.peerChoking ? this.#inbox.allowed : undefined;
    if (allowed?.size === 0) return;
    const { pipeline } = this;
    if (pipeline === undefined || this.#limit === undefined) return;
    this.#throttle.apply(this.#limit, this.#expecting);
    if (this.#throttle.waiting) return;
    pipeline.window.allow(this.#limit.limiter.fairRate);
    pipeline.fill(this.#clock.now(), allowed);
  }

  announcePiece(piece: number): void {
    if (this.#greeting.done && !this.isSeed) this.send(encodeHave(piece));
  }

  /** Lets the peer have the piece while it is choked (BEP 6). */
  allowFast(piece: number): void {
    if (this.#fast && this.#greeting.done) this.send(encodeAllowedFast(piece));
  }

  /** Tells the peer that it would be well to ask for the piece (BEP 6). */
  suggest(piece: number): void {
    if (this.#fast && this.#greeting.done) this.send(encodeSuggest(piece));
  }

  /** We lost a piece that the peer was told of (BEP 54). */
  retractPiece(piece: number): void {
    if (this.#greeting.done) this.sendExtended('lt_donthave', encodeDontHave(piece));
  }

  sendExtended(name: ExtensionName, payload: Uint8Array): void {
    const id = this.extensions.id(name);
    if (id !== undefined) this.send(encodeExtended(id, payload));
  }

  /** Metadata and stored pieces are known now: what had to wait for them begins. */
  adopt(exchange: Exchange): void {
    if (this.#closed || this.pipeline !== undefined) return;
    this.#inbox.setPieceCount(exchange.info.pieceCount);
    this.pipeline = new RequestPipeline(this, exchange.store, exchange.scheduler);
    if (this.extensions.reqq !== undefined) this.pipeline.window.setLimit(this.extensions.reqq);
    this.upload = new UploadQueue(this, exchange.store, this.#owner!.uploadLimiter);
    if (!this.pieces.adopt(exchange.store)) {
      this.close('the peer sent a bitfield of another torrent');
      return;
    }
    if (this.v2 && exchange.merkle !== undefined) {
      this.#hashes = new PeerHashes(this, exchange.merkle, this.#owner!.uploadLimiter);
    }
    this.#greeting.tellPieces(this.#owner!.announced ?? exchange.store.verified);
    this.onPieces();
  }

  /** Once a second. */
  tick(now: number): void {
    if (this.#closed) return;
    if (this.silence(now) > SILENCE) {
      this.close('the peer has been silent for three minutes');
      return;
    }
    if (this.backlog > MAX_BACKLOG) {
      this.close('the peer does not read what is sent to it');
      return;
    }
    if (now - this.#outbox.lastSent > KEEP_ALIVE) this.send(encodeKeepAlive());
    // What a peer is not let say is no silence of its own.
    if (this.#throttle.paused) this.pipeline?.excuse(now);
    this.#hashes?.onDrain();
    this.pipeline?.tick(now, this.traffic.downloaded.rate(now), this.#owner?.streaming === true);
    this.fillRequests();
  }

  /** Sends a message, at the end of the turn when one is being received. */
  send(message: Uint8Array): void {
    this.#outbox.send(message);
  }

  /** Runs `action`; what it sends leaves as one write. */
  together(action: () => void): void {
    this.#outbox.together(action);
  }

  /** Ends the connection. Idempotent. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
    this.#handshakeTimer?.cancel();
    this.#patience?.cancel();
    this.pipeline?.close();
    this.upload?.close();
    this.#hashes?.close();
    this.#inbox.close();
    this.#throttle.close();
    this.link.close();
    if (this.#admitted) this.#owner!.onClosed(this, reason);
    else this.#options.onRefused(this, reason);
  }

  status(now: number): PeerStatus {
    return peerStatus(this, now);
  }

  #introduce(owner: PeerOwner): void {
    this.#greeting.introduce(owner.hashes, owner.hashes.choose(this.#options.swarm), owner.peerId);
  }
}
