/**
 * The only way from the engine to the world. Every port is small, has a documented contract, an in-memory
 * twin in `memory/` and one contract-test suite (`*.contract.ts`) that every implementation passes.
 *
 * Common rules
 * - Callbacks are plain synchronous calls. No port calls back from inside the call that started the work:
 *   `dial()` returns before `onLink` is called, `attach()` before `onData` is.
 * - After `close()`, `cancel()` or `abort()` no callback of that object is called any more.
 * - No method throws for a fault of the outside world; faults arrive through the error callback or a rejected
 *   promise, as an `Error` whose message is one sentence that names the thing concerned.
 */

import type { PeerAddress } from '../protocol/index.ts';

/** Monotonic time and timers. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes backwards. */
  now(): number;
  /** Milliseconds since 1970, for what is shown to people or stored. May jump. */
  wallTime(): number;
  /** Calls `callback` once, not earlier than `delay` milliseconds from now. */
  setTimer(delay: number, callback: () => void): Timer;
}

export interface Timer {
  /** Idempotent; does nothing after the timer has fired. */
  cancel(): void;
}

/** Randomness. A seeded implementation makes a run repeatable. */
export interface Random {
  /** A uniformly distributed integer in [0, bound), `bound` in 1..2^32. */
  below(bound: number): number;
  /** Fills `bytes` with random bytes. */
  fill(bytes: Uint8Array): void;
}

export type Transport = 'tcp' | 'utp' | 'webrtc' | 'memory';

/** What a `Link` tells its owner. */
export interface LinkHandler {
  /** Bytes in order. `chunk` is valid during the call only: the link may reuse its memory afterwards. */
  onData(chunk: Uint8Array): void;
  /** `queuedBytes` has fallen to half of `highWater` or less, after having been above it. */
  onDrain(): void;
  /** The link has ended; `error` is absent after an orderly end. Called at most once, and not after `close()`. */
  onClose(error: Error | undefined): void;
}

/**
 * One byte pipe to a peer: TCP socket, WebRTC data channel, uTP connection or simulated pipe. It is open when
 * it is handed over. Data that arrives before `attach` is kept.
 */
export interface Link {
  readonly transport: Transport;
  /** Address of the other end, where the transport knows one. */
  readonly remote: PeerAddress | undefined;
  /** Bytes accepted by `send` and not yet handed to the network. */
  readonly queuedBytes: number;
  /** Senders stop handing over payload while `queuedBytes` exceeds this (WebRTC: 64 KiB, design section 10). */
  readonly highWater: number;
  /** Starts delivery, not before the call has returned. Called exactly once. */
  attach(handler: LinkHandler): void;
  /**
   * Sends the views in order, without concatenating them where the transport can avoid it. The memory behind
   * them must not change until it is sent. Never blocks; ignores the call when the link has ended.
   */
  send(parts: readonly Uint8Array[]): void;
  /** Back-pressure: no `onData` until `resumeReading`, as soon as the transport can stop. */
  pauseReading(): void;
  resumeReading(): void;
  /** Ends the link after what is queued has been handed to the network, or at once when the other end is gone. Idempotent. */
  close(): void;
}

export interface Cancellable {
  /** Idempotent. */
  cancel(): void;
}

/** Opens outgoing links to addresses (TCP, later uTP). */
export interface Dialer {
  dial(address: PeerAddress, handler: { onLink(link: Link): void; onError(error: Error): void }): Cancellable;
}

/** Accepts incoming links. */
export interface Listener {
  /** Resolves with the port that is listened on; rejects with a sentence naming the port when that is impossible. */
  listen(port: number, onLink: (link: Link) => void): Promise<number>;
  close(): Promise<void>;
}

/** What a WebRTC connection in the making tells its owner. */
export interface RtcHandler {
  /** Our complete session description (all candidates gathered, or the gathering limit of 2 s is over). */
  onDescription(sdp: string): void;
  /** The data channel is open. */
  onLink(link: Link): void;
  /** Ends the attempt. Not called after `onLink`. */
  onError(error: Error): void;
}

export interface RtcAttempt extends Cancellable {
  /** Gives the remote answer to an offer. A bad description ends the attempt through `onError`. */
  accept(answerSdp: string): void;
}

/** Makes WebRTC peer connections with one ordered, reliable data channel each. */
export interface RtcConnector {
  offer(handler: RtcHandler): RtcAttempt;
  answer(offerSdp: string, handler: RtcHandler): RtcAttempt;
}

/** A text-message socket, as WebSocket trackers use it. */
export interface MessageSocket {
  /** Ignored unless the socket is open. */
  send(text: string): void;
  readonly queuedBytes: number;
  close(): void;
}

export interface MessageSocketHandler {
  onOpen(): void;
  onMessage(text: string): void;
  /** The socket failed to open or has ended. */
  onClose(reason: string): void;
}

export interface MessageSocketConnector {
  connect(url: string, handler: MessageSocketHandler): MessageSocket;
}

export interface HttpRequest {
  readonly url: string;
  /** Inclusive byte range, sent as `Range: bytes=first-last`. */
  readonly range?: { readonly first: number; readonly last: number } | undefined;
}

export interface HttpHead {
  readonly status: number;
  /** The address after redirects. */
  readonly url: string;
  /** A header by lower-case name. */
  header(name: string): string | undefined;
}

export interface HttpHandler {
  onHead(head: HttpHead): void;
  /** `chunk` is valid during the call only. */
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** No response, broken connection, time-out of 30 s without a byte. Nothing is called afterwards. */
  onError(error: Error): void;
}

export interface HttpExchange {
  /** Back-pressure on the body. */
  pause(): void;
  resume(): void;
  abort(): void;
}

/** HTTP GET with ranges, for web seeds, HTTP trackers and `.torrent` addresses. Sets no header that would force a CORS preflight. */
export interface HttpClient {
  get(request: HttpRequest, handler: HttpHandler): HttpExchange;
}

/** SHA-1 of a buffer that fills up from the front: hashed while it downloads where the platform can. */
export interface PrefixHash {
  /** The bytes [0, end) are final. `end` never falls. */
  advance(end: number): void;
  /** All bytes are final. `done` is called once, at once or later; the buffer must not change before. */
  finish(done: (digest: Uint8Array) => void): void;
}

export interface Hasher {
  prefixSha1(buffer: Uint8Array): PrefixHash;
  /** `data` must not change before the promise settles. */
  sha1(data: Uint8Array): Promise<Uint8Array>;
  /**
   * SHA-256, of blocks of 16 KiB and more. `done` is called once, at once (from within the call) or later; `data` must
   * not change before. The digest belongs to who asked.
   */
  sha256(data: Uint8Array, done: (digest: Uint8Array) => void): void;
}

/** State of a stored file that tells whether it changed while nobody looked. */
export interface FileFingerprint {
  /** Bytes on the medium; -1 when the file does not exist. */
  readonly size: number;
  /** Modification time in milliseconds since 1970, 0 where unknown. */
  readonly modified: number;
  /** Bytes that it takes of the medium, where that is known: less than `size` where it has holes. */
  readonly allocated?: number | undefined;
}

/** One torrent as a linear address space of `length` bytes. */
export interface Disk {
  readonly length: number;
  /**
   * Fills `into` from `offset`. Resolves with the number of leading bytes that exist; what was never written
   * (holes, missing or short files) counts as absent or reads as zeros. Rejects with `DiskError`.
   */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Writes the views in order from `offset`. They must not change until the promise settles. Rejects with `DiskError`. */
  write(offset: number, parts: readonly Uint8Array[]): Promise<void>;
  /**
   * Which files of the torrent are wanted. Files that are not wanted are never created; the bytes of theirs
   * that share a piece with a wanted file are kept apart.
   */
  setWanted(wanted: readonly boolean[]): void;
  /**
   * Memory of exactly this length for bytes of the torrent from `offset`, on their way to this disk or from it; its
   * content is undefined. The same memory may be lent to several at a time, as a simulation of a thousand peers does
   * that all hold the same bytes: this is sound only where nobody ever receives wrong ones. Readers of such a torrent
   * give views, which must not be written to, in place of copies. `undefined`, or absent: who needs memory makes its own.
   */
  lend?: ((offset: number, length: number) => Uint8Array | undefined) | undefined;
  /** Makes what was written durable as far as the medium can. */
  flush(): Promise<void>;
  /**
   * One entry per file of the torrent, in its order. A file that was not written to since the last call may be answered
   * from memory, as it was then.
   */
  fingerprints(): Promise<FileFingerprint[]>;
  /**
   * Looks at up to `limit` files, the next ones with each call, and resolves with those that are not what they were
   * although nothing was written to them here: somebody else has changed or removed them. Each change is told once.
   * Absent where nobody else can.
   */
  changedFiles?: ((limit: number) => Promise<number[]>) | undefined;
  /**
   * Gives all wanted files their full length, in written zeros behind what is there, so that their room is taken. Rejects
   * with `FULL` before anything is written when there is too little. Absent where room cannot be taken beforehand.
   */
  allocate?: ((onProgress: (allocated: number, total: number) => void) => Promise<void>) | undefined;
  /**
   * Cuts off what wanted files have beyond their length, in so far as it has been seen: a file that was there before the
   * torrent may be longer. `undefined` when there is nothing to cut. A file that is written to is cut without it.
   */
  trim?: (() => Promise<void> | undefined) | undefined;
  /** Waits for running operations and releases handles. Idempotent. */
  close(): Promise<void>;
  /** `close`, then removes all that was stored. */
  destroy(): Promise<void>;
}

/** Small named values that survive a restart: resume data, metadata. */
export interface StateStore {
  load(key: string): Promise<Uint8Array | undefined>;
  /** Atomic: after a crash either the old or the new value is there. */
  save(key: string, value: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

export type DiskErrorCode =
  | 'FULL'
  | 'READ_ONLY'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'UNSAFE_PATH'
  | 'CHANGED'
  | 'IO'
  | 'CLOSED';

/** A storage fault. The message names the file and says what to do. */
export class DiskError extends Error {
  override readonly name: string = 'DiskError';
  readonly code: DiskErrorCode;
  /** Path of the file concerned, as shown to people. */
  readonly path: string;
  constructor(code: DiskErrorCode, path: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.path = path;
  }
}

/** What the engine needs of every platform. A missing transport is simply not used. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly hasher: Hasher;
  readonly http: HttpClient;
  readonly sockets: MessageSocketConnector;
  readonly dialer?: Dialer | undefined;
  readonly listener?: Listener | undefined;
  readonly rtc?: RtcConnector | undefined;
}
