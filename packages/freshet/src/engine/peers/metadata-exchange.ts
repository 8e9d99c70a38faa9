import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  METADATA_PIECE_LENGTH,
  metadataPieceCount,
  type TorrentHashes,
} from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import { matchesHashes } from '../metadata-hashes.ts';
import type { Hasher } from '../ports.ts';

/** Largest info dictionary that is fetched or believed in, in bytes: a million files, or six million pieces. */
const MAX_METADATA = 128 * 1024 * 1024;
/** Milliseconds until a piece is asked of another peer. */
const REQUEST_TIMEOUT = 4000;
/** The same once it has been asked of somebody who did not answer. */
const NEXT_TIMEOUT = 2000;
/** Requests in flight to one peer. */
const REQUESTS_PER_PEER = 4;
/** Milliseconds for which a peer that rejected, or a size that led nowhere, is left alone. */
const REJECT_PAUSE = 10_000;
const STALL_PAUSE = 60_000;
/** An attempt that brings nothing for so many milliseconds gives way to another one. */
const STALL = 12_000;
/** An attempt is put aside for one at another size when so many times more is left of it: who lies must not cost much. */
const CHEAPER = 4;
/** Requests answered per peer before it is told to go elsewhere: so many, or all of the metadata twice. */
const MAX_SERVED = 8192;

/** A peer as the exchange sees it. */
export interface MetadataPeer {
  readonly id: number;
  /** Bytes of metadata it says there are; undefined when it does not speak the extension or does not know. */
  readonly metadataSize: number | undefined;
  /** It has not read yet what was sent to it. */
  readonly busy: boolean;
  sendMetadata(payload: Uint8Array): void;
  ban(reason: string): void;
}

interface PieceState {
  data: Uint8Array | undefined;
  /** Who is asked for it or has sent it; 0 for nobody. */
  from: number;
  requestedAt: number;
  /** Those before, who have not answered in time. */
  readonly late: number[];
}

/** One try at an info dictionary of a given size. */
interface Attempt {
  readonly size: number;
  /** The only peer that is asked: after a failure, so that a liar is known. */
  readonly sole: number | undefined;
  readonly pieces: PieceState[];
  /** How many of them are not there. */
  missing: number;
  /** Before this one all are there. */
  first: number;
  progressAt: number;
}

/**
 * Fetches the info dictionary from peers, and serves it to them (BEP 9). Peers may lie about its size and its
 * content, and may not answer: of the sizes that they name the one that costs least, in bytes for each peer that names
 * it, is tried first, one that leads nowhere is put aside, and after a wrong hash one peer at a time is asked for all of
 * it.
 */
export class MetadataExchange {
  readonly #hashes: TorrentHashes;
  readonly #hasher: Hasher;
  readonly #onMetadata: (infoBytes: Uint8Array) => void;
  readonly #peers = new LazyMap<number, MetadataPeer>();
  /** Peers that are not asked before a time. */
  readonly #pausedUntil = new LazyMap<number, number>();
  /** Sizes that are not tried before a time. */
  readonly #sizePausedUntil = new LazyMap<number, number>();
  /** Requests that a peer has not answered in time; who has fewest is asked first. */
  readonly #timeouts = new LazyMap<number, number>();
  readonly #served = new LazyMap<number, number>();
  #infoBytes: Uint8Array | undefined;
  #attempt: Attempt | undefined;
  /** One that has given way to a cheaper one, to be gone on with. */
  #shelved: Attempt | undefined;
  #hashing = false;
  /** The pieces of several peers did not fit together. */
  #failedOnce = false;

  /** @param hashes what the info dictionary has to hash to; each of them, if there are two (BEP 52). */
  constructor(hashes: TorrentHashes, hasher: Hasher, onMetadata: (infoBytes: Uint8Array) => void) {
    this.#hashes = hashes;
    this.#hasher = hasher;
    this.#onMetadata = onMetadata;
  }

  /** The info dictionary is known: from now on it is served. */
  setInfo(infoBytes: Uint8Array): void {
    this.#infoBytes = infoBytes;
    this.#attempt = undefined;
    this.#shelved = undefined;
  }

  /** The peer's extended handshake is there. */
  addPeer(peer: MetadataPeer, now: number): void {
    this.#peers.set(peer.id, peer);
    this.request(now);
  }

  removePeer(id: number): void {
    this.#peers.delete(id);
    this.#pausedUntil.delete(id);
    this.#served.delete(id);
    this.#timeouts.delete(id);
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    if (attempt.sole === id) this.#attempt = undefined;
    for (const piece of attempt.pieces) if (piece.from === id && piece.data === undefined) piece.from = 0;
  }

  /** Asks for what is missing. Called once a second, and when something has changed. */
  request(now: number): void {
    if (this.#infoBytes !== undefined || this.#hashing) return;
    if (this.#attempt !== undefined && now - this.#attempt.progressAt > STALL) {
      this.#attempt = this.#replace(this.#attempt, now);
    }
    const current = this.#attempt;
    if (current === undefined) this.#attempt = this.#begin(now);
    else if (current.sole === undefined) this.#attempt = this.#cheaper(current, now) ?? current;
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    for (const peer of this.#byPatience()) {
      if (peer.metadataSize !== attempt.size || !this.#mayAsk(peer, now)) continue;
      if (attempt.sole === undefined || attempt.sole === peer.id) this.#requestFrom(peer, attempt, now);
    }
  }

  onMessage(peer: MetadataPeer, payload: Uint8Array, now: number): void {
    const message = decodeMetadataMessage(payload);
    if (message === undefined) return;
    if (message.type === 'request') {
      this.#serve(peer, message.piece);
      return;
    }
    const attempt = this.#attempt;
    const state = attempt?.pieces[message.piece];
    if (attempt === undefined || state === undefined || this.#hashing) return;
    const asked = state.from === peer.id || state.late.includes(peer.id);
    if (!asked || state.data !== undefined) return;
    if (message.type === 'reject') {
      if (state.from === peer.id) state.from = 0;
      this.#pausedUntil.set(peer.id, now + REJECT_PAUSE);
      if (attempt.sole === peer.id) this.#attempt = undefined;
    } else if (message.totalSize === attempt.size) {
      state.data = message.data.slice();
      state.from = peer.id;
      attempt.progressAt = now;
      attempt.missing--;
      if (attempt.missing === 0) {
        this.#verify(attempt, now);
        return;
      }
    }
    this.request(now);
  }

  /** Puts an attempt aside that brings nothing, unless there is nothing else to try. */
  #replace(stalled: Attempt, now: number): Attempt {
    const { size, sole } = stalled;
    if (sole === undefined) this.#sizePausedUntil.set(size, now + STALL_PAUSE);
    else this.#pausedUntil.set(sole, now + STALL_PAUSE);
    const other = this.#begin(now);
    if (other !== undefined) return other;
    this.#sizePausedUntil.delete(size);
    if (sole !== undefined) this.#pausedUntil.delete(sole);
    stalled.progressAt = now;
    return stalled;
  }

  /** An attempt at a size that costs so much less than what is left of this one that it comes first. */
  #cheaper(current: Attempt, now: number): Attempt | undefined {
    const left = current.missing * METADATA_PIECE_LENGTH;
    const size = this.#cheapestSize(now);
    if (size === undefined || size === current.size || size * CHEAPER > left) return undefined;
    // What is on its way is not waited for.
    for (const piece of current.pieces) if (piece.data === undefined) piece.from = 0;
    this.#shelved = current;
    return this.#begin(now);
  }

  /** Of the sizes that peers name, the one of fewest bytes for each peer that names it. */
  #cheapestSize(now: number): number | undefined {
    const votes = new Map<number, number>();
    for (const peer of this.#peers.values()) {
      const size = peer.metadataSize;
      if (size === undefined || size > MAX_METADATA || !this.#mayAsk(peer, now)) continue;
      if (now >= (this.#sizePausedUntil.get(size) ?? 0)) votes.set(size, (votes.get(size) ?? 0) + 1);
    }
    let best: number | undefined;
    for (const [size, count] of votes) {
      if (best === undefined || size / count < best / votes.get(best)!) best = size;
    }
    return best;
  }

  /** Chooses what to try now. */
  #begin(now: number): Attempt | undefined {
    const best = this.#cheapestSize(now);
    if (best === undefined) return undefined;
    let sole: number | undefined;
    if (this.#failedOnce) {
      for (const peer of this.#byPatience()) {
        if (peer.metadataSize === best && this.#mayAsk(peer, now)) sole ??= peer.id;
      }
    }
    const shelved = this.#shelved;
    if (sole === undefined && shelved?.size === best) {
      this.#shelved = undefined;
      shelved.progressAt = now;
      return shelved;
    }
    const count = metadataPieceCount(best);
    const pieces = Array.from({ length: count }, () => ({
      data: undefined,
      from: 0,
      requestedAt: 0,
      late: [],
    }));
    return { size: best, sole, pieces, missing: count, first: 0, progressAt: now };
  }

  /** Those who answer first, else in the order in which they came. */
  #byPatience(): MetadataPeer[] {
    const timeouts = (peer: MetadataPeer): number => this.#timeouts.get(peer.id) ?? 0;
    return [...this.#peers.values()].sort((a, b) => timeouts(a) - timeouts(b));
  }

  #mayAsk(peer: MetadataPeer, now: number): boolean {
    return now >= (this.#pausedUntil.get(peer.id) ?? 0);
  }

  #requestFrom(peer: MetadataPeer, attempt: Attempt, now: number): void {
    const { pieces } = attempt;
    // Large ones have thousands of pieces, and this is called for each that comes in.
    while (pieces[attempt.first]?.data !== undefined) attempt.first++;
    let inFlight = 0;
    for (let i = attempt.first; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (piece.from === peer.id && piece.data === undefined) inFlight++;
    }
    for (let i = attempt.first; i < pieces.length && inFlight < REQUESTS_PER_PEER; i++) {
      const piece = pieces[i]!;
      if (piece.data !== undefined) continue;
      const timeout = piece.late.length === 0 ? REQUEST_TIMEOUT : NEXT_TIMEOUT;
      if (piece.from !== 0 && now - piece.requestedAt < timeout) continue;
      if (piece.from !== peer.id) inFlight++;
      if (piece.from !== 0) {
        this.#timeouts.set(piece.from, (this.#timeouts.get(piece.from) ?? 0) + 1);
        if (!piece.late.includes(piece.from)) piece.late.push(piece.from);
      }
      piece.from = peer.id;
      piece.requestedAt = now;
      peer.sendMetadata(encodeMetadataMessage({ type: 'request', piece: i }));
    }
  }

  #serve(peer: MetadataPeer, piece: number): void {
    const infoBytes = this.#infoBytes;
    const served = (this.#served.get(peer.id) ?? 0) + 1;
    this.#served.set(peer.id, served);
    const count = infoBytes === undefined ? 0 : metadataPieceCount(infoBytes.length);
    if (infoBytes === undefined || piece >= count || served > Math.max(MAX_SERVED, 2 * count) || peer.busy) {
      peer.sendMetadata(encodeMetadataMessage({ type: 'reject', piece }));
      return;
    }
    const begin = piece * METADATA_PIECE_LENGTH;
    const data = infoBytes.subarray(begin, begin + METADATA_PIECE_LENGTH);
    peer.sendMetadata(encodeMetadataMessage({ type: 'data', piece, totalSize: infoBytes.length, data }));
  }

  #verify(attempt: Attempt, now: number): void {
    this.#hashing = true;
    const infoBytes = new Uint8Array(attempt.size);
    const senders = new Set<number>();
    for (const [i, piece] of attempt.pieces.entries()) {
      infoBytes.set(piece.data!, i * METADATA_PIECE_LENGTH);
      senders.add(piece.from);
    }
    const checked = (right: boolean): void => {
      this.#hashing = false;
      if (this.#infoBytes !== undefined) return;
      this.#attempt = undefined;
      if (right) {
        this.setInfo(infoBytes);
        this.#onMetadata(infoBytes);
        return;
      }
      this.#failedOnce = true;
      if (senders.size === 1) {
        for (const id of senders) this.#peers.get(id)?.ban('sent metadata that does not match the info-hash');
      }
      this.request(now);
    };
    matchesHashes(infoBytes, this.#hashes, this.#hasher).then(checked, () => checked(false));
  }
}
