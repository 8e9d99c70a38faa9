/** One file of a torrent. */

import { contentType } from '../protocol/index.ts';
import { ArgumentError } from '../session/errors.ts';
import type { ByteReader, FileSnapshot } from '../session/protocol.ts';
import { iterateBytes, resolveRange, toWebStream } from './byte-source.ts';
import { Emitter } from './emitter.ts';
import type { StreamOptions } from './options.ts';
import type { ByteIterator, StreamRequest } from './platform.ts';
import type { FileReadStream } from './read-stream.ts';

/** What a server was asked for. */
export interface FileRequest {
  readonly method: string;
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** What the browser wants it for, such as `video`, in a browser. */
  readonly destination?: string | undefined;
}

/** How an element gets a file. */
export interface Delivery {
  readonly element: { src: string };
  /**
   * `service-worker` and `server` stream what the torrent has and fetch the rest. `web-seed`: the element loads the file
   * from a web seed, as from any web server, and nothing of it is verified or shared. `blob`: it gets the file when all of
   * it is there.
   */
  readonly kind: 'service-worker' | 'server' | 'web-seed' | 'blob';
  /** What `element.src` is now; absent while a blob is not complete. */
  readonly url?: string | undefined;
  /** A sentence that says why nothing better could be used. */
  readonly reason?: string | undefined;
}

export interface FileEvents {
  /** `streamTo` has chosen how the element gets the file, at first or anew. */
  delivery: [delivery: Delivery];
  /** `streamTo` has found no way, or the last one has failed. */
  error: [error: Error];
  /** All of the file is verified. */
  done: [];
  /** A server is about to send part of the file. Calling `replace` at once sends another stream instead. */
  stream: [
    request: { stream: FileReadStream; file: File; req: FileRequest },
    replace: (stream: AsyncIterable<Uint8Array>) => void,
  ];
  /** The same as an async iterator, in a browser. */
  iterator: [
    request: { iterator: ByteIterator; file: File; req: FileRequest },
    replace: (iterator: AsyncIterable<Uint8Array>) => void,
  ];
}

/** What a file uses of its torrent. */
export interface FileOwner {
  /** Fires at the end of the torrent. */
  signal(): AbortSignal;
  pieceLength(): number;
  infoHash(): string | undefined;
  /** Verified bytes of a file. */
  downloaded(index: number): number;
  /** Where a file is kept, if it was renamed. */
  renamedTo(index: number): string | undefined;
  openReader(start: number, end: number): ByteReader;
  selectFile(index: number, priority: number): void;
  renameFile(index: number, path: string): Promise<void>;
  createReadStream(iterator: ByteIterator): FileReadStream;
  fileURL(file: File): string;
  streamTo(request: Pick<StreamRequest, 'file' | 'element' | 'tell' | 'fail'>): void;
}

/** A file of a torrent. Streams of it come first, before all else that is downloaded. */
export class File extends Emitter<FileEvents> implements AsyncIterable<Uint8Array<ArrayBuffer>> {
  /** File name, such as `film.mp4`. */
  readonly name: string;
  /** Path within the torrent, such as `Films/film.mp4`. */
  readonly path: string;
  /** In bytes. */
  readonly length: number;
  /** The same as `length`. */
  readonly size: number;
  /** Media type, guessed from the name. */
  readonly type: string;
  /** Where the file begins in the torrent, in bytes. */
  readonly offset: number;
  /** Place in `torrent.files`. */
  readonly index: number;
  readonly #owner: FileOwner;
  #delivery: Delivery | undefined;

  /** @internal */
  constructor(owner: FileOwner, snapshot: FileSnapshot) {
    super();
    this.#owner = owner;
    this.name = snapshot.name;
    this.path = snapshot.path;
    this.length = snapshot.length;
    this.size = snapshot.length;
    this.type = contentType(snapshot.name).split(';')[0]!;
    this.offset = snapshot.offset;
    this.index = snapshot.index;
  }

  /** Where the file is kept, below `torrent.path`: `path`, unless it was renamed. */
  get storagePath(): string {
    return this.#owner.renamedTo(this.index) ?? this.path;
  }
  /** Verified bytes. */
  get downloaded(): number {
    return this.#owner.downloaded(this.index);
  }
  /** 0 to 1. */
  get progress(): number {
    return this.length === 0 ? 1 : this.downloaded / this.length;
  }
  /** All of it is verified. */
  get done(): boolean {
    return this.downloaded >= this.length;
  }

  /**
   * Wants the file, 0 being the usual priority and 6 the highest. May be called as soon as the torrent's `metadata`
   * event is out, and is in force before anything is requested.
   */
  select(priority: number | boolean = 0): void {
    this.#owner.selectFile(this.index, enginePriority(priority));
  }

  /** Wants the file no longer; it is not even created. Streams still get what they ask for. */
  deselect(_priority?: number | boolean): void {
    this.#owner.selectFile(this.index, 0);
  }

  /**
   * Keeps the file under another path below `torrent.path`, with `/` between names, while it is in use; folders are made.
   * `name` and `path`, by which it is known in the torrent, stay. Resolves when it is done and remembered; rejects, and
   * nothing has changed, with a `StorageError`: `EXISTS` when something is there or belongs to the torrent, `UNSAFE_PATH`
   * for a path that leads elsewhere. A file that is not on the disk yet is created there.
   */
  rename(path: string): Promise<void> {
    return this.#owner.renameFile(this.index, path);
  }

  /** Whether piece `index` has bytes of this file. */
  includes(index: number): boolean {
    const pieceLength = this.#owner.pieceLength();
    if (this.length === 0 || pieceLength === 0) return false;
    const first = Math.floor(this.offset / pieceLength);
    const last = Math.floor((this.offset + this.length - 1) / pieceLength);
    return index >= first && index <= last;
  }

  /**
   * The bytes in order, each as soon as it is verified: `for await (const chunk of file)`. Part of the file:
   * `file[Symbol.asyncIterator]({ start, end })`. A chunk is the caller's to keep.
   */
  [Symbol.asyncIterator](options?: StreamOptions): ByteIterator {
    return iterateBytes({
      open: () => {
        const { start, end } = resolveRange(options, this.length);
        return start === end ? undefined : this.#owner.openReader(this.offset + start, this.offset + end);
      },
      signal: options?.signal,
      torrent: () => this.#owner.signal(),
    });
  }

  /** A web stream. Cancelling it stops the download of what it would have read. */
  stream(options?: StreamOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return toWebStream(this[Symbol.asyncIterator](options));
  }

  /** A Node stream; where there is no Node, one with the same events, `pipe` and `destroy`. */
  createReadStream(options?: StreamOptions): FileReadStream {
    return this.#owner.createReadStream(this[Symbol.asyncIterator](options));
  }

  /** The bytes; the file must fit into memory. */
  async arrayBuffer(options?: StreamOptions): Promise<ArrayBuffer> {
    const { start, end } = resolveRange(options, this.length);
    const whole = new Uint8Array(end - start);
    let at = 0;
    for await (const chunk of this[Symbol.asyncIterator](options)) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole.buffer;
  }

  /** The bytes as a `Blob` of the file's type. */
  async blob(options?: StreamOptions): Promise<Blob> {
    const { start, end } = resolveRange(options, this.length);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    // Chunk by chunk, as a browser may move a blob's parts out of memory.
    for await (const chunk of this[Symbol.asyncIterator]({ ...options, start, end: end - 1 }))
      parts.push(chunk);
    return new Blob(parts, { type: this.type });
  }

  /**
   * Path of the file at the client's server. A page uses it as it is; in Node it is to be resolved against the
   * server's address, as in WebTorrent: `new URL(file.streamURL, 'http://localhost:' + port)`.
   * @throws {ArgumentError} before `client.createServer()`.
   */
  get streamURL(): string {
    return this.#owner.fileURL(this);
  }

  /**
   * Plays or shows the file in an element that has `src`, and returns the element. In Node by the server of
   * `client.createServer()`. In a page by the service worker, and where there can be none from a web seed, else once all of
   * it is there; `delivery` tells which. A film that breaks off, as with a lost connection, is taken up again by itself.
   * @throws {ArgumentError} in Node before `client.createServer()`.
   */
  streamTo<T extends { src: string }>(element: T): T {
    this.#owner.streamTo({
      file: this,
      element,
      tell: (delivery) => {
        this.#delivery = delivery;
        this.emit('delivery', delivery);
      },
      fail: (error) => this.emit('error', error),
    });
    return element;
  }

  /** How the element of the last `streamTo` gets the file, once that is known. */
  get delivery(): Delivery | undefined {
    return this.#delivery;
  }
}

/** WebTorrent counts from 0, the engine from 1 (0 deselects) to 7. */
export function enginePriority(priority: number | boolean): number {
  const value = Number(priority);
  if (Number.isNaN(value)) throw new ArgumentError('A priority of NaN is none.');
  return Math.min(7, Math.max(0, Math.floor(value)) + 1);
}
