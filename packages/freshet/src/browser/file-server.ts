/** The page's side of the service worker: streams files of torrents to whoever asks for their address. */

import {
  encodePathName,
  FILE_ROUTE,
  type FileRequestMessage,
  isFileRequest,
  type PageMessage,
  routedPath,
  type WorkerMessage,
} from './file-protocol.ts';
import { type FileFacts, fileHead } from './file-response.ts';

export interface ServedFile extends FileFacts {
  /**
   * The bytes from `start` to `endInclusive`. The stream is cancelled, and `signal` aborted, when the player has
   * gone or the server closes.
   */
  stream(start: number, endInclusive: number, signal: AbortSignal): ReadableStream<Uint8Array>;
}

/**
 * Finds the file of an address. `path` is what follows `webtorrent/`, decoded: `<info-hash>/<path of the file>`.
 * May wait for metadata. Where it resolves with `undefined`, the other tabs of the site are asked.
 */
export type FileLookup = (path: string) => Promise<ServedFile | undefined>;

/** Answers requests as long as it is open. A page may have several, for different scopes. */
export class BrowserFileServer {
  readonly #registration: ServiceWorkerRegistration;
  readonly #lookup: FileLookup;
  readonly #running = new Set<() => void>();

  constructor(registration: ServiceWorkerRegistration, lookup: FileLookup) {
    this.#registration = registration;
    this.#lookup = lookup;
    navigator.serviceWorker.addEventListener('message', this.#onMessage);
    // Messages are held back until the document is parsed unless they are asked for.
    navigator.serviceWorker.startMessages();
    // Streams of a page that has gone would neither end nor fail for another tab that reads them.
    if (typeof document !== 'undefined') globalThis.addEventListener('pagehide', this.#onHide);
  }

  /** Path under which the files are, with a slash at both ends: `/<scope>/webtorrent/`. */
  get pathname(): string {
    return new URL(this.#registration.scope).pathname + FILE_ROUTE;
  }

  /** Absolute address of a file. `path` is its folders and name with slashes, not encoded. */
  urlOf(infoHash: string, path: string): string {
    const encoded = path.split('/').map(encodePathName);
    return `${this.#registration.scope}${FILE_ROUTE}${infoHash}/${encoded.join('/')}`;
  }

  /** Ends all streams; later requests get no answer from this page. Idempotent. */
  close(): void {
    navigator.serviceWorker.removeEventListener('message', this.#onMessage);
    if (typeof document !== 'undefined') globalThis.removeEventListener('pagehide', this.#onHide);
    this.#endAll();
  }

  readonly #onHide = (): void => this.#endAll();

  readonly #onMessage = ({ data, ports: [port] }: MessageEvent<unknown>): void => {
    if (!port || !isFileRequest(data)) return;
    const path = routedPath(data.url, this.#registration.scope);
    if (path !== undefined) void this.#answer(data, path, port);
  };

  #endAll(): void {
    for (const end of [...this.#running]) end();
  }

  async #answer(request: FileRequestMessage, path: string, port: MessagePort): Promise<void> {
    const tell = (message: PageMessage, transfer: Transferable[] = []): void =>
      port.postMessage(message, transfer);
    const abort = new AbortController();
    const end = (): void => {
      this.#running.delete(end);
      abort.abort(new Error('This stream has been cancelled.'));
    };
    this.#running.add(end);
    let pull: (() => void) | undefined;
    port.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'cancel') end();
      else pull?.();
    };
    tell({ type: 'accepted' });
    try {
      const file = await this.#lookup(decodeURIComponent(path));
      if (!file) {
        tell({ type: 'unknown' });
        end();
        return;
      }
      const { status, headers, body } = fileHead(request, file);
      if (!body || abort.signal.aborted) {
        tell({ type: 'head', status, headers, body: undefined });
        end();
        return;
      }
      const stream = guarded(file.stream(body.start, body.end, abort.signal), abort.signal, end);
      if (canTransferStreams()) {
        tell({ type: 'head', status, headers, body: stream }, [stream as unknown as Transferable]);
      } else {
        pull = puller(stream.getReader(), tell);
        tell({ type: 'head', status, headers, body: 'pull' });
      }
    } catch (error) {
      tell({ type: 'error', message: error instanceof Error ? error.message : String(error) });
      end();
    }
  }
}

/** The same bytes in a stream that fails with `signal`, and calls `end` once when it is over for any reason. */
function guarded(
  source: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  end: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (): void => {
          controller.error(signal.reason);
          reader.cancel(signal.reason).catch(() => {});
        };
        if (signal.aborted) fail();
        else signal.addEventListener('abort', fail, { once: true });
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (signal.aborted) return;
          if (!done) {
            controller.enqueue(value);
            return;
          }
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        end();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

/** Sends one chunk each time it is called. */
function puller(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  tell: (message: PageMessage, transfer?: Transferable[]) => void,
): () => void {
  return () => {
    reader.read().then(
      ({ done, value }) => tell(done ? { type: 'end' } : { type: 'chunk', data: value }),
      (error: unknown) =>
        tell({ type: 'error', message: error instanceof Error ? error.message : String(error) }),
    );
  };
}

let transferable: boolean | undefined;

/** Safari cannot. */
function canTransferStreams(): boolean {
  if (transferable !== undefined) return transferable;
  const { port1 } = new MessageChannel();
  try {
    const stream = new ReadableStream();
    port1.postMessage(stream, [stream as unknown as Transferable]);
    transferable = true;
  } catch {
    transferable = false;
  }
  port1.close();
  return transferable;
}
