/** What the API needs of the platform beside a session. The index files put it in. */

import type { Session, SessionSettings } from '../session/protocol.ts';
import type { Client } from './client.ts';
import type { StorageAccount } from './client-storage.ts';
import type { Delivery, File } from './file.ts';
import type { ServerOptions, TrackerOptions } from './options.ts';
import type { FileReadStream } from './read-stream.ts';

/** A pull of bytes, as `createReadStream` turns it into a stream of the platform. */
export type ByteIterator = AsyncIterableIterator<Uint8Array<ArrayBuffer>>;

/** A server for the files of a client: `client.createServer()`. */
export interface FileServer {
  /** Node: the `http.Server`. In a browser the service worker serves, and this is the same object. */
  readonly server: { listen(port?: number, ...rest: unknown[]): unknown; address(): unknown };
  /** Base of all addresses, without a slash at the end. */
  readonly pathname: string;
  listen(port?: number, hostname?: string | (() => void), callback?: () => void): unknown;
  address(): { address: string; port: number; family: string } | string | null;
  /** Takes no more requests. */
  close(callback?: (error?: Error) => void): void;
  /** Breaks off requests too. */
  destroy(callback?: (error?: Error) => void): void;
}

export interface ClientPlatform {
  readonly webrtc: boolean;
  openSession(settings: SessionSettings, tracker: TrackerOptions): Session;
  /** The browser's account of the site's storage; absent in Node. */
  readonly storageAccount?: StorageAccount | undefined;
  createReadStream(iterator: ByteIterator): FileReadStream;
  /** Throws `ArgumentError` when the options do not suit the platform. */
  createServer(client: Client, options: ServerOptions, force: 'node' | 'browser' | undefined): FileServer;
  /** `file.streamTo`. By the address at the client's server where this is absent. */
  readonly streamTo?: ((request: StreamRequest) => void) | undefined;
}

/** What there is to give a file to an element. */
export interface StreamRequest {
  readonly file: File;
  readonly element: { src: string };
  readonly server: FileServer | undefined;
  /** Ends with the torrent. */
  readonly signal: AbortSignal;
  /** Addresses of the file at web seeds, those that work first. */
  addresses(): Promise<readonly string[]>;
  /** A way was chosen. */
  tell(delivery: Delivery): void;
  /** There is none, or none any more. */
  fail(error: Error): void;
}
