import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  equalBytes,
  type InfoHash,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
} from '../../protocol/index.ts';
import type { Hasher } from '../ports.ts';

/** Largest info dictionary that is fetched or believed in, in bytes: about 1.6 million pieces. */
const MAX_METADATA = 32 * 1024 * 1024;
/** Milliseconds until a piece is asked of another peer. */
const REQUEST_TIMEOUT = 4000;
/** Requests in flight to one peer. */
const REQUESTS_PER_PEER = 4;
/** Milliseconds until a peer that rejected is asked again. */
const REJECT_PAUSE = 10_000;
/** Requests answered per peer before it is told to go elsewhere: more than any info dictionary needs. */
const MAX_SERVED = 8192;

/** A peer as the exchange sees it. */
export interface MetadataPeer {
  readonly id: number;
  /** Bytes of metadata it says there are; undefined when it does not speak the extension or does not know. */
  readonly metadataSize: number | undefined;
  sendMetadata(payload: Uint8Array): void;
  ban(reason: string): void;
}

interface PieceState {
  data: Uint8Array | undefined;
  from: number;
  requestedAt: number;
}

/** Fetches the info dictionary from peers, and serves it to them (BEP 9). */
export class MetadataExchange {
  readonly #infoHash: InfoHash;
  readonly #hasher: Hasher;
  readonly #onMetadata: (infoBytes: Uint8Array) => void;
  readonly #peers = new Map<number, MetadataPeer>();
  readonly #pausedUntil = new Map<number, number>();
  readonly #served = new Map<number, number>();
  #infoBytes: Uint8Array | undefined;
  #size = 0;
  #pieces: PieceState[] = [];
  #hashing = false;
  /** After a failed attempt one peer at a time is believed, so that a liar is known. */
  #sole: number | undefined;
  #failedOnce = false;

  constructor(infoHash: InfoHash, hasher: Hasher, onMetadata: (infoBytes: Uint8Array) => void) {
    this.#infoHash = infoHash;
    this.#hasher = hasher;
    this.#onMetadata = onMetadata;
  }

  /** The info dictionary is known: from now on it is served. */
  setInfo(infoBytes: Uint8Array): void {
    this.#infoBytes = infoBytes;
    this.#pieces = [];
  }

  /** The peer's extended handshake is there. */
  addPeer(peer: MetadataPeer, now: number): void {
    this.#peers.set(peer.id, peer);
    if (this.#infoBytes === undefined) this.request(now);
  }

  removePeer(id: number): void {
    this.#peers.delete(id);
    this.#pausedUntil.delete(id);
    this.#served.delete(id);
    if (this.#sole === id) this.#restart(0);
    for (const piece of this.#pieces) if (piece.from === id && piece.data === undefined) piece.from = 0;
  }

  /** Asks for what is missing. Called once a second, and when something has changed. */
  request(now: number): void {
    if (this.#infoBytes !== undefined || this.#hashing) return;
    for (const peer of this.#peers.values()) {
      const size = peer.metadataSize;
      if (size === undefined || size > MAX_METADATA) continue;
      if (now < (this.#pausedUntil.get(peer.id) ?? 0)) continue;
      if (this.#size === 0) {
        if (this.#failedOnce) this.#sole = peer.id;
        this.#restart(size);
      }
      if (size !== this.#size || (this.#sole !== undefined && this.#sole !== peer.id)) continue;
      this.#requestFrom(peer, now);
    }
  }

  onMessage(peer: MetadataPeer, payload: Uint8Array, now: number): void {
    const message = decodeMetadataMessage(payload);
    if (message === undefined) return;
    if (message.type === 'request') {
      this.#serve(peer, message.piece);
      return;
    }
    const state = this.#pieces[message.piece];
    if (state === undefined || state.from !== peer.id || this.#infoBytes !== undefined) return;
    if (message.type === 'reject') {
      state.from = 0;
      this.#pausedUntil.set(peer.id, now + REJECT_PAUSE);
      if (this.#sole === peer.id) this.#restart(0);
    } else if (message.totalSize === this.#size && state.data === undefined) {
      state.data = message.data.slice();
    }
    if (this.#pieces.length > 0 && this.#pieces.every((piece) => piece.data !== undefined)) this.#verify(now);
    else this.request(now);
  }

  #requestFrom(peer: MetadataPeer, now: number): void {
    let inFlight = this.#pieces.filter((piece) => piece.from === peer.id && piece.data === undefined).length;
    for (let i = 0; i < this.#pieces.length && inFlight < REQUESTS_PER_PEER; i++) {
      const piece = this.#pieces[i]!;
      if (piece.data !== undefined) continue;
      const waits = piece.from !== 0 && now - piece.requestedAt < REQUEST_TIMEOUT;
      if (waits) continue;
      piece.from = peer.id;
      piece.requestedAt = now;
      inFlight++;
      peer.sendMetadata(encodeMetadataMessage({ type: 'request', piece: i }));
    }
  }

  #serve(peer: MetadataPeer, piece: number): void {
    const infoBytes = this.#infoBytes;
    const served = (this.#served.get(peer.id) ?? 0) + 1;
    this.#served.set(peer.id, served);
    if (infoBytes === undefined || piece >= metadataPieceCount(infoBytes.length) || served > MAX_SERVED) {
      peer.sendMetadata(encodeMetadataMessage({ type: 'reject', piece }));
      return;
    }
    const begin = piece * METADATA_PIECE_LENGTH;
    const data = infoBytes.subarray(begin, begin + METADATA_PIECE_LENGTH);
    peer.sendMetadata(encodeMetadataMessage({ type: 'data', piece, totalSize: infoBytes.length, data }));
  }

  #verify(now: number): void {
    this.#hashing = true;
    const infoBytes = new Uint8Array(this.#size);
    const senders = new Set<number>();
    for (const [i, piece] of this.#pieces.entries()) {
      infoBytes.set(piece.data!, i * METADATA_PIECE_LENGTH);
      senders.add(piece.from);
    }
    void this.#hasher.sha1(infoBytes).then((digest) => {
      this.#hashing = false;
      if (this.#infoBytes !== undefined) return;
      if (equalBytes(digest, this.#infoHash)) {
        this.setInfo(infoBytes);
        this.#onMetadata(infoBytes);
        return;
      }
      this.#failedOnce = true;
      this.#restart(0);
      if (senders.size === 1) {
        for (const id of senders) this.#peers.get(id)?.ban('sent metadata that does not match the info-hash');
      }
      this.request(now);
    });
  }

  #restart(size: number): void {
    this.#size = size;
    if (size === 0) this.#sole = undefined;
    const count = metadataPieceCount(size);
    this.#pieces = Array.from({ length: count }, () => ({ data: undefined, from: 0, requestedAt: 0 }));
  }
}
