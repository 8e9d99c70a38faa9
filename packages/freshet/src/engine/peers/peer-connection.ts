import {
  type BlockRequest,
  type ExtensionName,
  encodeAllowedFast,
  encodeDontHave,
  encodeExtended,
  encodeHashReject,
  encodeHave,
  encodeKeepAlive,
  encodeSuggest,
  type Handshake,
  type HashRequest,
  type InfoHash,
  type PeerAddress,
  type PeerId,
} from '../../protocol/index.ts';
import type { Clock, Link, LinkHandler } from '../ports.ts';
import type { SwarmKind } from '../swarm-hashes.ts';
import type { PeerStatus } from '../torrent-types.ts';
import { clientName } from './client-name.ts';
import { Greeting } from './greeting.ts';
import { Inbox, type InboxHost } from './inbox.ts';
import { Introduction } from './introduction.ts';
import { keepAliveDue, signOfDeath } from './liveness.ts';
import { Outbox } from './outbox.ts';
import { type DownloadHost, PeerDownload } from './peer-download.ts';
import type { PeerExtensions } from './peer-extensions.ts';
import { type HashWire, PeerHashes } from './peer-hashes.ts';
import type { Exchange, PeerOwner } from './peer-owner.ts';
import type { PeerPieces } from './peer-pieces.ts';
import { peerStatus } from './peer-status.ts';
import { PeerTraffic } from './peer-traffic.ts';
import { PeerUpload, type UploadHost } from './peer-upload.ts';
import type { RequestPipeline } from './request-pipeline.ts';
import type { UploadQueue } from './upload-queue.ts';

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
 * (greeting, outbox) and what goes in both directions (BEP 3, 6, 10).
 */
export class PeerConnection implements DownloadHost, HashWire, InboxHost, LinkHandler, UploadHost {
  readonly id: number;
  readonly link: Link;
  readonly incoming: boolean;
  readonly address: PeerAddress | undefined;
  readonly connectedAt: number;
  readonly clock: Clock;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly traffic: PeerTraffic = new PeerTraffic();
  /** Hash messages, on a connection that speaks v2. */
  #hashes: PeerHashes | undefined;
  readonly #options: PeerConnectionOptions;
  readonly #greeting: Greeting;
  readonly #introduction: Introduction;
  readonly #download: PeerDownload;
  readonly #upload: PeerUpload;
  #owner: PeerOwner | undefined;
  #admitted = false;
  #closed = false;

  /** @param owner the torrent, when it is known before the peer speaks. */
  constructor(options: PeerConnectionOptions, owner: PeerOwner | undefined) {
    this.id = options.id;
    this.link = options.link;
    this.incoming = options.incoming;
    this.address = options.address;
    this.#options = options;
    this.clock = options.clock;
    this.#owner = owner;
    const now = options.clock.now();
    this.connectedAt = now;
    this.outbox = new Outbox(options.link, options.clock);
    this.inbox = new Inbox(this, now);
    this.#greeting = new Greeting(this.outbox);
    this.#download = new PeerDownload(this);
    this.#upload = new PeerUpload(this);
    this.#introduction = new Introduction({
      clock: options.clock,
      greeting: this.#greeting,
      incoming: options.incoming,
      foundIn: options.swarm,
      onTimeout: () => this.close('no handshake in time'),
    });
    this.link.attach(this);
    if (owner === undefined) return;
    this.#download.join(owner);
    this.#introduction.begin(owner);
  }

  get closed(): boolean {
    return this.#closed;
  }

  owner(): PeerOwner | undefined {
    return this.#owner;
  }

  get peerId(): PeerId | undefined {
    return this.#introduction.peer?.peerId;
  }

  get pipeline(): RequestPipeline | undefined {
    return this.#download.pipeline;
  }

  get amInterested(): boolean {
    return this.#download.interested;
  }

  get upload(): UploadQueue | undefined {
    return this.#upload.queue;
  }

  get amChoking(): boolean {
    return this.#upload.choking;
  }

  get chokeChangedAt(): number {
    return this.#upload.chokeChangedAt;
  }

  get pieces(): PeerPieces {
    return this.inbox.pieces;
  }

  /** What the peer said in its extended handshake. */
  get extensions(): PeerExtensions {
    return this.inbox.extensions;
  }

  get peerChoking(): boolean {
    return this.inbox.choking;
  }

  get peerInterested(): boolean {
    return this.inbox.interested;
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
    return this.#introduction.swarm;
  }

  /** The peer has said that it can speak of the torrent as one of version 2. */
  get knowsV2(): boolean {
    return this.#introduction.peer?.v2 === true;
  }

  /** The swarm that the caller named: the other one than `swarm` when the connection was upgraded. */
  get calledIn(): SwarmKind | undefined {
    return this.#introduction.calledIn;
  }

  /** Both sides speak of the torrent as one of version 2 (BEP 52): hashes may be asked for. */
  get v2(): boolean {
    return this.swarm === 'v2';
  }

  /** It has said which pieces it has. */
  get toldPieces(): boolean {
    return this.inbox.toldPieces;
  }

  /** Pieces that it has. */
  get pieceCount(): number {
    return this.pieces.count;
  }

  /** The hash by which the torrent is known on this connection, once the handshakes are exchanged. */
  get infoHash(): InfoHash | undefined {
    return this.swarm && this.#owner?.hashes.of(this.swarm);
  }

  has(piece: number): boolean {
    return this.pieces.has(piece);
  }

  /** In super-seeding (BEP 16) we admit to have the piece. */
  reveal(piece: number): void {
    this.announcePiece(encodeHave(piece));
  }

  /** The peer speaks the fast extension (BEP 6), and so do we: each request is answered. */
  get fast(): boolean {
    return this.#introduction.peer?.fast === true;
  }

  get client(): string {
    if (this.extensions.client !== undefined) return this.extensions.client;
    return this.peerId === undefined ? 'unknown' : clientName(this.peerId);
  }

  /** Bytes of ours that the link has not taken yet. */
  get backlog(): number {
    return this.outbox.backlog;
  }

  /** Milliseconds since the peer sent anything. */
  silence(now: number): number {
    return this.#download.paused ? 0 : now - this.inbox.lastReceived;
  }

  snubs(now: number): boolean {
    return this.#download.snubs(now, this.connectedAt);
  }

  // What the link tells

  onData(chunk: Uint8Array): void {
    if (this.#closed) return;
    if (!this.#download.read(chunk) || this.#closed) return;
    this.#upload.pump();
    this.#download.throttle();
  }

  onDrain(): void {
    this.#upload.pump();
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
    if (!this.#introduction.accept(handshake, routed.hashes)) {
      this.close('the peer serves another torrent');
      return;
    }
    this.#owner = routed;
    this.#download.join(routed);
    const refusal = routed.admit(this, handshake);
    if (refusal !== undefined) {
      this.close(refusal);
      return;
    }
    this.#admitted = true;
    this.#greeting.introduce(routed.hashes, this.swarm!, routed.peerId);
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
    this.#download.count(bytes);
  }

  /** Whether a request of the peer is answered. */
  accepts(request: BlockRequest): boolean {
    return this.#owner?.accepts(this, request) === true;
  }

  // What both directions lead to

  onRequested(requests: readonly BlockRequest[]): void {
    this.#hashes?.onRequested(requests);
  }

  sendReject(request: BlockRequest): void {
    this.#upload.sendReject(request);
  }

  onPayload(bytes: number): void {
    this.#owner!.onReceived(this, bytes);
  }

  onWaste(bytes: number): void {
    this.#download.onWaste(bytes);
  }

  onUnchoked(): void {
    this.#owner?.onUnchoked(this);
  }

  onUploaded(bytes: number, piece: number): void {
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
    this.#upload.choke(now);
  }

  unchoke(now: number): void {
    this.#upload.unchoke(now);
  }

  /** Tells whether we want anything of the peer, and asks for it. */
  updateInterest(): void {
    if (!this.#closed && this.#greeting.done) this.#download.updateInterest();
  }

  fillRequests(): void {
    this.#download.fill();
  }

  /** @param have the message that tells of a piece. */
  announcePiece(have: Uint8Array): void {
    if (this.#greeting.done && !this.isSeed) this.send(have);
  }

  /** Lets the peer have the piece while it is choked (BEP 6). */
  allowFast(piece: number): void {
    if (this.fast && this.#greeting.done) this.send(encodeAllowedFast(piece));
  }

  /** Tells the peer that it would be well to ask for the piece (BEP 6). */
  suggest(piece: number): void {
    if (this.fast && this.#greeting.done) this.send(encodeSuggest(piece));
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
    this.inbox.setPieceCount(exchange.info.pieceCount);
    this.#download.adopt(exchange);
    this.#upload.adopt(exchange, this.#owner!);
    if (!this.pieces.adopt(exchange.store)) {
      this.close('the peer sent a bitfield of another torrent');
      return;
    }
    if (this.v2 && exchange.merkle !== undefined) {
      this.#hashes = new PeerHashes(this, exchange.merkle, this.#owner!.uploadLimiter);
    }
    this.#greeting.tellMetadata(() => this.#owner!.extendedHandshake(this));
    this.#greeting.tellPieces(this.#owner!.announced ?? exchange.store.verified);
    this.onPieces();
  }

  /** Once a second. */
  tick(now: number): void {
    if (this.#closed) return;
    const death = signOfDeath({ silence: this.silence(now), backlog: this.backlog });
    if (death !== undefined) {
      this.close(death);
      return;
    }
    if (keepAliveDue(now - this.outbox.lastSent)) this.send(encodeKeepAlive());
    this.#hashes?.onDrain();
    this.#download.tick(now);
  }

  /** Sends a message, at the end of the turn when one is being received. */
  send(message: Uint8Array): void {
    this.outbox.send(message);
  }

  /** Ends the connection. Idempotent. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.outbox.close();
    this.#introduction.close();
    this.#download.close();
    this.#upload.close();
    this.#hashes?.close();
    this.inbox.close();
    this.link.close();
    if (this.#admitted) this.#owner!.onClosed(this, reason);
    else this.#options.onRefused(this, reason);
  }

  status(now: number): PeerStatus {
    return peerStatus(this, now);
  }
}
