import {
  type BlockRequest,
  encodeHashes,
  encodeHashReject,
  encodeHashRequest,
  type HashRequest,
} from '../../protocol/index.ts';
import type { HashPeer } from '../merkle/hash-exchange.ts';
import type { HashClient } from '../merkle/leaf-server.ts';
import type { MerkleService } from '../merkle/merkle-service.ts';
import type { RateLimiter, RateShare } from '../rate-limiter.ts';

/** What the hash messages need of their connection. */
export interface HashWire {
  readonly id: number;
  readonly amChoking: boolean;
  /** Bytes of ours that the link has not taken yet. */
  readonly backlog: number;
  has(piece: number): boolean;
  send(message: Uint8Array): void;
  /** Hashes came that were asked for; their bytes count in the download limit. */
  onHashBytes(bytes: number): void;
  /** Something came that nobody wants. */
  onWaste(bytes: number): void;
  ban(reason: string): void;
}

/** No hashes are sent to a peer that has so many bytes to read still. */
const MAX_BACKLOG = 256 * 1024;

/** The hash messages of one connection that speaks v2 (BEP 52), in both directions. */
export class PeerHashes implements HashPeer, HashClient {
  readonly id: number;
  readonly #wire: HashWire;
  readonly #service: MerkleService;
  readonly #uploadLimit: RateShare;
  /** Answers wait until the peer has read what was sent before. */
  #waiting: (() => void) | undefined;

  constructor(wire: HashWire, service: MerkleService, uploadLimiter: RateLimiter) {
    this.id = wire.id;
    this.#wire = wire;
    this.#service = service;
    this.#uploadLimit = uploadLimiter.share();
    service.exchange.addPeer(this);
  }

  get amChoking(): boolean {
    return this.#wire.amChoking;
  }

  has(piece: number): boolean {
    return this.#wire.has(piece);
  }

  /** These blocks were just asked for. */
  onRequested(requests: readonly BlockRequest[]): void {
    let last = -1;
    for (const { piece } of requests) {
      if (piece !== last) this.#service.exchange.onRequested(this.id, piece);
      last = piece;
    }
  }

  onHashRequest(request: HashRequest): void {
    this.#service.server.answer(this, request);
  }

  onHashes(request: HashRequest, hashes: Uint8Array): void {
    if (this.#service.exchange.onHashes(this.id, request, hashes)) this.#wire.onHashBytes(hashes.length);
    else this.#wire.onWaste(hashes.length);
  }

  onHashReject(request: HashRequest): void {
    this.#service.exchange.onReject(this.id, request);
  }

  sendHashRequest(request: HashRequest): void {
    this.#wire.send(encodeHashRequest(request));
  }

  /** The link has taken something. */
  onDrain(): void {
    if (this.#waiting === undefined || this.#wire.backlog > MAX_BACKLOG) return;
    const wake = this.#waiting;
    this.#waiting = undefined;
    wake();
  }

  mayUpload(wake: () => void): boolean {
    if (this.#wire.backlog > MAX_BACKLOG) {
      this.#waiting = wake;
      return false;
    }
    if (this.#uploadLimit.open) return true;
    this.#uploadLimit.wait(wake);
    return false;
  }

  sendHashes(request: HashRequest, hashes: Uint8Array): void {
    this.#uploadLimit.take(hashes.length);
    this.#wire.send(encodeHashes(request, hashes));
  }

  sendHashReject(request: HashRequest): void {
    this.#wire.send(encodeHashReject(request));
  }

  ban(reason: string): void {
    this.#wire.ban(reason);
  }

  close(): void {
    this.#uploadLimit.forget();
    this.#waiting = undefined;
    this.#service.exchange.removePeer(this.id);
    this.#service.server.removePeer(this.id);
  }
}
