import {
  type BlockRequest,
  decodeDontHave,
  decodeUploadOnly,
  EXTENDED_HANDSHAKE,
  EXTENSION_ID,
  type ExtensionName,
  encodeBitfield,
  encodeCancel,
  encodeChoke,
  encodeDontHave,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodeKeepAlive,
  encodeNotInterested,
  encodeReject,
  encodeRequests,
  encodeUnchoke,
  equalBytes,
  type Handshake,
  type PeerAddress,
  type PeerId,
  WireDecoder,
  type WireError,
  type WireHandler,
} from '../../protocol/index.ts';
import type { Clock, Link, LinkHandler, Timer } from '../ports.ts';
import { RateMeter } from '../rate-meter.ts';
import type { PeerStatus } from '../torrent-types.ts';
import { clientName } from './client-name.ts';
import { Outbox } from './outbox.ts';
import { PeerExtensions } from './peer-extensions.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import { PeerPieces } from './peer-pieces.ts';
import { type PipelineWire, RequestPipeline } from './request-pipeline.ts';
import { UploadQueue, type UploadWire } from './upload-queue.ts';

/** Milliseconds in which both handshakes must be exchanged. */
const HANDSHAKE_TIMEOUT = 15_000;
/** We say something at least this often (BEP 3: two minutes). */
const KEEP_ALIVE = 90_000;
/** A peer that says nothing for this long is gone. */
const SILENCE = 180_000;
/** A peer that lets this much small talk pile up does not read any more, in bytes. */
const MAX_BACKLOG = 8 * 1024 * 1024;
/** Payload that nobody asked for: beyond this, and beyond what was useful, it is an attack. */
const MAX_WASTE = 16 * 1024 * 1024;

export interface PeerConnectionOptions {
  readonly id: number;
  readonly link: Link;
  readonly incoming: boolean;
  readonly clock: Clock;
  /** The address it was dialled at, or that its link comes from. */
  readonly address: PeerAddress | undefined;
  /** Finds the torrent that an incoming handshake is for, or says why there is none. */
  route(handshake: Handshake, peer: PeerConnection): PeerOwner | string;
  /** Ends before it was admitted. */
  onRefused(peer: PeerConnection, reason: string): void;
}

/** One connection to one peer: the state of the peer wire (BEP 3, 6, 10), and the queues of both directions. */
export class PeerConnection implements WireHandler, LinkHandler, PipelineWire, UploadWire {
  readonly id: number;
  readonly link: Link;
  readonly incoming: boolean;
  readonly address: PeerAddress | undefined;
  readonly connectedAt: number;
  readonly pieces: PeerPieces = new PeerPieces();
  readonly downloaded: RateMeter = new RateMeter();
  readonly uploaded: RateMeter = new RateMeter();
  peerId: PeerId | undefined;
  amChoking = true;
  amInterested = false;
  peerChoking = true;
  peerInterested = false;
  /** Payload of the choker's current round, and since the last unchoke, in bytes. */
  receivedInRound = 0;
  sentInRound = 0;
  sentSinceUnchoke = 0;
  chokeChangedAt: number;
  /** What the peer said in its extended handshake. */
  readonly extensions: PeerExtensions = new PeerExtensions();
  pipeline: RequestPipeline | undefined;
  upload: UploadQueue | undefined;
  readonly #options: PeerConnectionOptions;
  readonly #clock: Clock;
  readonly #decoder: WireDecoder;
  #owner: PeerOwner | undefined;
  #handshakeSent = false;
  #fast = false;
  #extensions = false;
  #admitted = false;
  #closed = false;
  #greeted = false;
  #bitfieldDue = false;
  #readingPaused = false;
  readonly #outbox: Outbox;
  /** Bytes of the peer are being read. */
  #inTurn = false;
  #lastReceived: number;
  #wasted = 0;
  #handshakeTimer: Timer | undefined;
  readonly #resumeReading = (): void => {
    this.#readingPaused = false;
    if (this.#closed) return;
    this.link.resumeReading();
    // Nothing need be on its way that would lead to more requests.
    this.fillRequests();
  };

  /** @param owner the torrent, when it is known before the peer speaks: then we speak first. */
  constructor(options: PeerConnectionOptions, owner: PeerOwner | undefined) {
    this.id = options.id;
    this.link = options.link;
    this.incoming = options.incoming;
    this.address = options.address;
    this.#options = options;
    this.#clock = options.clock;
    this.#owner = owner;
    const now = options.clock.now();
    this.connectedAt = now;
    this.chokeChangedAt = now;
    this.#outbox = new Outbox(options.link, options.clock);
    this.#lastReceived = now;
    this.#decoder = new WireDecoder(this);
    this.#handshakeTimer = options.clock.setTimer(HANDSHAKE_TIMEOUT, () =>
      this.close('no handshake in time'),
    );
    this.link.attach(this);
    if (owner !== undefined) this.#sendHandshake(owner);
  }

  get closed(): boolean {
    return this.#closed;
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
    return now - this.#lastReceived;
  }

  // What the link tells

  onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#lastReceived = this.#clock.now();
    this.#outbox.together(() => {
      this.#inTurn = true;
      try {
        this.#decoder.push(chunk);
      } finally {
        this.#inTurn = false;
      }
      this.fillRequests();
    });
    if (this.#closed) return;
    this.upload?.pump();
    this.#limitReading();
  }

  onDrain(): void {
    this.upload?.pump();
  }

  onClose(error: Error | undefined): void {
    this.close(error === undefined ? 'the peer closed the connection' : error.message);
  }

  // What the wire tells

  onHandshake(handshake: Handshake): void {
    const routed = this.#owner ?? this.#options.route(handshake, this);
    if (typeof routed === 'string') {
      this.close(routed);
      return;
    }
    if (!equalBytes(routed.infoHash, handshake.infoHash)) {
      this.close('the peer serves another torrent');
      return;
    }
    this.#owner = routed;
    this.peerId = handshake.peerId;
    this.#fast = handshake.fast;
    this.#extensions = handshake.extension;
    this.#handshakeTimer?.cancel();
    const refusal = routed.admit(this, handshake);
    if (refusal !== undefined) {
      this.close(refusal);
      return;
    }
    this.#admitted = true;
    if (!this.#handshakeSent) this.#sendHandshake(routed);
    this.#greet(routed);
    if (!this.#closed) routed.onAdmitted(this);
  }

  onKeepAlive(): void {}

  onChoke(): void {
    this.peerChoking = true;
    // With the fast extension each request is answered all the same, by a block or a reject (BEP 6).
    if (!this.#fast) this.pipeline?.onChoke();
  }

  onUnchoke(): void {
    this.peerChoking = false;
    this.pipeline?.window.onUnchoke();
  }

  onInterested(): void {
    this.peerInterested = true;
    this.#owner?.onInterest(this);
  }

  onNotInterested(): void {
    this.peerInterested = false;
    this.#owner?.onInterest(this);
  }

  onHave(piece: number): void {
    if (!this.pieces.add(piece)) {
      this.close(`the peer announced piece ${piece}, which does not exist`);
      return;
    }
    this.#piecesChanged();
  }

  onBitfield(bits: Uint8Array): void {
    if (!this.pieces.setBits(bits)) {
      this.close('the peer sent a bitfield of another torrent');
      return;
    }
    this.#piecesChanged();
  }

  onHaveAll(): void {
    this.pieces.setAll();
    this.#piecesChanged();
  }

  onHaveNone(): void {
    this.pieces.setNone();
    this.#piecesChanged();
  }

  onRequest(piece: number, begin: number, length: number): void {
    const request = { piece, begin, length };
    if (this.amChoking || this.upload === undefined) this.sendReject(request);
    else this.upload.add(request);
  }

  onCancel(piece: number, begin: number, length: number): void {
    this.upload?.cancel({ piece, begin, length });
  }

  onReject(piece: number, begin: number): void {
    this.pipeline?.onReject(piece, begin, this.peerChoking, this.#lastReceived);
  }

  onSuggest(): void {}

  onAllowedFast(): void {}

  onPort(): void {}

  onUnknown(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    if (id === EXTENDED_HANDSHAKE) {
      const handshake = this.extensions.update(payload);
      if (handshake === undefined) return;
      if (handshake.reqq !== undefined) this.pipeline?.window.setLimit(handshake.reqq);
      owner.onExtendedHandshake(this);
    } else if (id === EXTENSION_ID.ut_metadata) {
      owner.onMetadataMessage(this, payload);
    } else if (id === EXTENSION_ID.lt_donthave) {
      const piece = decodeDontHave(payload);
      if (piece !== undefined && this.pieces.drop(piece)) {
        this.pipeline?.dropPiece(piece);
        this.#piecesChanged();
      }
    } else if (id === EXTENSION_ID.upload_only) {
      this.extensions.uploadOnly = decodeUploadOnly(payload) ?? this.extensions.uploadOnly;
      owner.onHave(this);
    }
  }

  onBlockStart(piece: number, begin: number, length: number): Uint8Array | undefined {
    return this.pipeline?.onBlockStart(piece, begin, length, this.#lastReceived);
  }

  onBlockData(): void {
    this.pipeline?.onBlockData(this.#lastReceived);
  }

  onBlockEnd(piece: number, begin: number, length: number): void {
    if (this.pipeline === undefined) this.onWaste(length);
    else this.pipeline.onBlockEnd(piece, begin, length);
  }

  onProtocolError(error: WireError): void {
    this.close(`the peer broke the protocol: ${error.message}`);
  }

  // What the queues ask for

  has(piece: number): boolean {
    return this.pieces.has(piece);
  }

  sendRequests(requests: readonly BlockRequest[]): void {
    this.send(encodeRequests(requests));
  }

  sendCancel(piece: number, begin: number, length: number): void {
    this.send(encodeCancel(piece, begin, length));
  }

  sendReject(request: BlockRequest): void {
    if (this.#fast) this.send(encodeReject(request.piece, request.begin, request.length));
  }

  discardPayload(): void {
    this.#decoder.discardPayload();
  }

  onPayload(bytes: number): void {
    this.downloaded.add(bytes, this.#lastReceived);
    this.receivedInRound += bytes;
    const owner = this.#owner!;
    owner.downloadLimiter.take(bytes);
    owner.onReceived(this, bytes);
  }

  onWaste(bytes: number): void {
    this.#wasted += bytes;
    this.#owner?.downloadLimiter.take(bytes);
    this.#owner?.onWasted(bytes);
    if (this.#wasted > MAX_WASTE && this.#wasted > this.downloaded.total) {
      this.close('the peer sends data that nobody asked for');
    }
  }

  onUploaded(bytes: number): void {
    this.#outbox.lastSent = this.#clock.now();
    this.uploaded.add(bytes, this.#outbox.lastSent);
    this.sentInRound += bytes;
    this.sentSinceUnchoke += bytes;
    this.#owner?.onSent(this, bytes);
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
    this.sentSinceUnchoke = 0;
    this.send(encodeUnchoke());
  }

  /** Tells whether we want anything of the peer, and asks for it. */
  updateInterest(): void {
    if (this.#closed || !this.#greeted) return;
    const interested = this.pieces.wanted > 0;
    if (interested !== this.amInterested) {
      this.amInterested = interested;
      this.send(interested ? encodeInterested() : encodeNotInterested());
    }
    this.fillRequests();
  }

  fillRequests(): void {
    if (this.#closed || this.#inTurn || this.peerChoking || !this.amInterested || this.#readingPaused) return;
    this.pipeline?.fill(this.#clock.now());
  }

  announcePiece(piece: number): void {
    if (this.#greeted && !this.isSeed) this.send(encodeHave(piece));
  }

  /** We lost a piece that the peer was told of (BEP 54). */
  retractPiece(piece: number): void {
    if (this.#greeted) this.sendExtended('lt_donthave', encodeDontHave(piece));
  }

  sendExtended(name: ExtensionName, payload: Uint8Array): void {
    const id = this.extensions.id(name);
    if (id !== undefined) this.send(encodeExtended(id, payload));
  }

  /** Metadata and stored pieces are known now: what had to wait for them begins. */
  adopt(exchange: Exchange): void {
    if (this.#closed || this.pipeline !== undefined) return;
    this.#decoder.setPieceCount(exchange.info.pieceCount);
    this.pipeline = new RequestPipeline(this, exchange.store, exchange.scheduler);
    if (this.extensions.reqq !== undefined) this.pipeline.window.setLimit(this.extensions.reqq);
    this.upload = new UploadQueue(this, exchange.store, this.#owner!.uploadLimiter);
    if (!this.pieces.adopt(exchange.store)) {
      this.close('the peer sent a bitfield of another torrent');
      return;
    }
    // A bitfield may only come first (BEP 3); a peer that was greeted without one is told piece by piece.
    if (this.#bitfieldDue) {
      this.#bitfieldDue = false;
      this.together(() => {
        for (const piece of exchange.store.verified.indexes()) this.send(encodeHave(piece));
      });
    }
    this.#piecesChanged();
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
    this.pipeline?.tick(now, this.downloaded.rate(now), this.#owner?.streaming === true);
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
    this.#decoder.destroy();
    this.pipeline?.close();
    this.upload?.close();
    this.pieces.close();
    this.#owner?.downloadLimiter.forget(this.#resumeReading);
    this.link.close();
    if (this.#admitted) this.#owner!.onClosed(this, reason);
    else this.#options.onRefused(this, reason);
  }

  status(now: number): PeerStatus {
    return {
      id: this.id,
      peerId: this.peerId,
      address: this.address,
      transport: this.link.transport,
      incoming: this.incoming,
      client: this.client,
      progress: this.pieces.progress,
      downloaded: this.downloaded.total,
      uploaded: this.uploaded.total,
      downloadRate: this.downloaded.rate(now),
      uploadRate: this.uploaded.rate(now),
      amChoking: this.amChoking,
      amInterested: this.amInterested,
      peerChoking: this.peerChoking,
      peerInterested: this.peerInterested,
      outstandingRequests: this.pipeline?.outstanding ?? 0,
      isSeed: this.isSeed,
      isOrigin: this.isOrigin,
    };
  }

  #sendHandshake(owner: PeerOwner): void {
    this.#handshakeSent = true;
    this.send(encodeHandshake({ infoHash: owner.infoHash, peerId: owner.peerId }));
  }

  /** What may and must be said first: the extended handshake and which pieces we have. */
  #greet(owner: PeerOwner): void {
    if (this.#extensions) this.send(encodeExtended(EXTENDED_HANDSHAKE, this.#extendedHandshake(owner)));
    const verified = owner.exchange?.store.verified;
    if (this.#fast && verified?.isFull && verified.length > 0) this.send(encodeHaveAll());
    else if (this.#fast && (verified === undefined || verified.isEmpty)) this.send(encodeHaveNone());
    else if (verified !== undefined && !verified.isEmpty) this.send(encodeBitfield(verified.toBytes()));
    this.#greeted = true;
    this.#bitfieldDue = owner.exchange === undefined;
    if (owner.exchange !== undefined) this.adopt(owner.exchange);
  }

  #extendedHandshake(owner: PeerOwner): Uint8Array {
    return encodeExtendedHandshake(owner.extendedHandshake(this));
  }

  #piecesChanged(): void {
    if (this.#closed) return;
    if (this.pipeline !== undefined) this.pipeline.barrenSince = -1;
    this.updateInterest();
    this.#owner?.onHave(this);
  }

  /** Stops reading while the download limit is used up; the transport's own flow control does the rest. */
  #limitReading(): void {
    const limiter = this.#owner?.downloadLimiter;
    if (limiter === undefined || limiter.open || this.#readingPaused) return;
    this.#readingPaused = true;
    this.link.pauseReading();
    limiter.wait(this.#resumeReading);
  }
}
