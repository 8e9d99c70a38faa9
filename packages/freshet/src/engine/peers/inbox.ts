import {
  type BlockRequest,
  decodeDontHave,
  decodeUploadOnly,
  EXTENDED_HANDSHAKE,
  EXTENSION_ID,
  type Handshake,
  type HashRequest,
  PIECE_HEADER_LENGTH,
  WireDecoder,
  type WireError,
  type WireHandler,
} from '../../protocol/index.ts';
import { AllowedByPeer } from './allowed-fast.ts';
import { PeerExtensions } from './peer-extensions.ts';
import { PeerPieces } from './peer-pieces.ts';
import type { RequestPipeline } from './request-pipeline.ts';
import { SuggestedByPeer } from './suggestions.ts';
import type { UploadQueue } from './upload-queue.ts';

/** What the peer's words lead to in its connection. */
export interface InboxHost {
  /** Both sides speak the fast extension (BEP 6). */
  readonly fast: boolean;
  /** `undefined` while metadata or the check of stored data is missing, as is `upload`. */
  readonly pipeline: RequestPipeline | undefined;
  readonly upload: UploadQueue | undefined;
  onHandshake(handshake: Handshake): void;
  /** Whether a request is answered: the peer is not choked, or is allowed to ask all the same. */
  accepts(request: BlockRequest): boolean;
  /** The peer became interested, or is no longer. */
  onInterest(): void;
  /** The peer has other pieces than before. */
  onPieces(): void;
  onExtendedHandshake(): void;
  onMetadataMessage(payload: Uint8Array): void;
  /** The peer said whether it downloads any more (BEP 21). */
  onUploadOnly(): void;
  /** Block payload came before anything was asked for. */
  onWaste(bytes: number): void;
  sendReject(request: BlockRequest): void;
  /** The peer wants hashes of a file's tree (BEP 52). */
  onHashRequest(request: HashRequest): void;
  onHashes(request: HashRequest, hashes: Uint8Array): void;
  onHashReject(request: HashRequest): void;
  close(reason: string): void;
}

/**
 * What one peer has said: the state of its side of the wire (BEP 3, 6, 10, 21, 54), and to whom each of its messages
 * goes. The counterpart of the outbox.
 */
export class Inbox implements WireHandler {
  readonly pieces: PeerPieces = new PeerPieces();
  /** What the peer said in its extended handshake. */
  readonly extensions: PeerExtensions = new PeerExtensions();
  /** Pieces that it lets us have while it chokes us (BEP 6). */
  readonly allowed: AllowedByPeer = new AllowedByPeer();
  /** Pieces that it would like us to ask for (BEP 6). */
  readonly suggested: SuggestedByPeer = new SuggestedByPeer();
  readonly #host: InboxHost;
  readonly #decoder: WireDecoder;
  #choking = true;
  #interested = false;
  #toldPieces = false;
  #lastReceived: number;

  /** @param now clock milliseconds. */
  constructor(host: InboxHost, now: number) {
    this.#host = host;
    this.#lastReceived = now;
    this.#decoder = new WireDecoder(this);
  }

  /** The peer chokes us. */
  get choking(): boolean {
    return this.#choking;
  }

  /** The peer has said which pieces it has; who has none and no fast extension need not. */
  get toldPieces(): boolean {
    return this.#toldPieces;
  }

  /** The peer is interested in what we have. */
  get interested(): boolean {
    return this.#interested;
  }

  /** When something came last, in clock milliseconds. */
  get lastReceived(): number {
    return this.#lastReceived;
  }

  /**
   * Reads bytes of the wire; all that they lead to is done in this call. Returns false if that is nothing: they were the
   * header of a block, which some links bring apart from its payload.
   */
  push(chunk: Uint8Array, now: number): boolean {
    this.#lastReceived = now;
    this.#decoder.push(chunk);
    return chunk.length > PIECE_HEADER_LENGTH || !this.#decoder.awaitsPayload;
  }

  /** The torrent's metadata is known: messages about pieces are held to it. */
  setPieceCount(count: number): void {
    this.#decoder.setPieceCount(count);
  }

  /** Skips the rest of the payload that is arriving. */
  discardPayload(): void {
    this.#decoder.discardPayload();
  }

  /** Nothing that still comes is read, and the peer's pieces count no longer. */
  close(): void {
    this.#decoder.destroy();
    this.pieces.close();
  }

  // What the wire tells

  onHandshake(handshake: Handshake): void {
    this.#host.onHandshake(handshake);
  }

  onKeepAlive(): void {}

  onChoke(): void {
    this.#choking = true;
    // With the fast extension each request is answered all the same, by a block or a reject (BEP 6).
    if (!this.#host.fast) this.#host.pipeline?.onChoke();
  }

  onUnchoke(): void {
    this.#choking = false;
    this.#host.pipeline?.window.onUnchoke();
  }

  onInterested(): void {
    this.#interested = true;
    this.#host.onInterest();
  }

  onNotInterested(): void {
    this.#interested = false;
    this.#host.onInterest();
  }

  onHave(piece: number): void {
    this.#toldPieces = true;
    if (this.pieces.add(piece)) this.#host.onPieces();
    else this.#host.close(`the peer announced piece ${piece}, which does not exist`);
  }

  onBitfield(bits: Uint8Array): void {
    this.#toldPieces = true;
    if (this.pieces.setBits(bits)) this.#host.onPieces();
    else this.#host.close('the peer sent a bitfield of another torrent');
  }

  onHaveAll(): void {
    this.#toldPieces = true;
    this.pieces.setAll();
    this.#host.onPieces();
  }

  onHaveNone(): void {
    this.#toldPieces = true;
    this.pieces.setNone();
    this.#host.onPieces();
  }

  onRequest(piece: number, begin: number, length: number): void {
    const request = { piece, begin, length };
    if (this.#host.upload === undefined || !this.#host.accepts(request)) this.#host.sendReject(request);
    else this.#host.upload.add(request);
  }

  onCancel(piece: number, begin: number, length: number): void {
    this.#host.upload?.cancel({ piece, begin, length });
  }

  onReject(piece: number, begin: number): void {
    // It does not keep its word: it would be asked again at once, and again.
    if (this.#choking) this.allowed.delete(piece);
    this.#host.pipeline?.onReject(piece, begin, this.#choking, this.#lastReceived);
  }

  onSuggest(piece: number): void {
    if (this.#host.fast) this.suggested.add(piece);
  }

  onAllowedFast(piece: number): void {
    if (this.#host.fast) this.allowed.add(piece);
  }

  onPort(): void {}

  onHashRequest(request: HashRequest): void {
    this.#host.onHashRequest(request);
  }

  onHashes(request: HashRequest, hashes: Uint8Array): void {
    this.#host.onHashes(request, hashes);
  }

  onHashReject(request: HashRequest): void {
    this.#host.onHashReject(request);
  }

  onUnknown(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    const host = this.#host;
    if (id === EXTENDED_HANDSHAKE) {
      const handshake = this.extensions.update(payload);
      if (handshake === undefined) return;
      if (handshake.reqq !== undefined) host.pipeline?.window.setLimit(handshake.reqq);
      host.onExtendedHandshake();
    } else if (id === EXTENSION_ID.ut_metadata) {
      host.onMetadataMessage(payload);
    } else if (id === EXTENSION_ID.lt_donthave) {
      const piece = decodeDontHave(payload);
      if (piece !== undefined && this.pieces.drop(piece)) {
        host.pipeline?.dropPiece(piece);
        host.onPieces();
      }
    } else if (id === EXTENSION_ID.upload_only) {
      this.extensions.uploadOnly = decodeUploadOnly(payload) ?? this.extensions.uploadOnly;
      host.onUploadOnly();
    }
  }

  onBlockStart(piece: number, begin: number, length: number): Uint8Array | undefined {
    return this.#host.pipeline?.onBlockStart(piece, begin, length, this.#lastReceived);
  }

  onBlockData(arrived: number): void {
    this.#host.pipeline?.onBlockData(arrived, this.#lastReceived);
  }

  onBlockEnd(piece: number, begin: number, length: number): void {
    const { pipeline } = this.#host;
    if (pipeline === undefined) this.#host.onWaste(length);
    else pipeline.onBlockEnd(piece, begin, length);
  }

  onProtocolError(error: WireError): void {
    this.#host.close(`the peer broke the protocol: ${error.message}`);
  }
}
