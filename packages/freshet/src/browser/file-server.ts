/** The page's side of the service worker: sends files of torrents to whoever asks for their address. */

import {
  decodePath,
  encodePathName,
  FILE_ROUTE,
  type FileRequestMessage,
  isFileRequest,
  type KeepMessage,
  type TabMessage,
  type WorkerMessage,
} from './file-protocol.ts';
import { bodyBytes, fileHead, type ServedFacts } from './file-response.ts';

export interface ServedFile extends ServedFacts {
  /**
   * The bytes from `start` to `endInclusive`. `signal` is aborted when the player has gone or the server closes; reads
   * that wait are to end then.
   */
  read(start: number, endInclusive: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Finds the file of an address. `path` is what follows `webtorrent/`, decoded: `<info-hash>/<path of the file>`. */
export interface FileSource {
  /** Whether it can be asked for here; said at once, and without starting anything. */
  has(path: string): boolean;
  /** May wait for metadata; `undefined` when it turns out that the torrent has no such file. */
  find(path: string): Promise<ServedFile | undefined>;
}

/** How often running streams are looked after, in ms: less than half of the 30 s after which browsers stop a worker. */
const LOOK_AFTER = 10_000;
/** For the worker to say that it still has a stream, in ms. */
const ANSWER_LIMIT = 5_000;

/** Answers requests as long as it is open. A page may have several, for different clients and scopes. */
export class BrowserFileServer {
  readonly #registration: ServiceWorkerRegistration;
  readonly #source: FileSource;
  readonly #running = new Set<Answer>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(registration: ServiceWorkerRegistration, source: FileSource) {
    this.#registration = registration;
    this.#source = source;
    navigator.serviceWorker.addEventListener('message', this.#onMessage);
    // Messages are held back until the document is parsed unless they are asked for.
    navigator.serviceWorker.startMessages();
    // The worker hears of it at once and goes on with another tab.
    globalThis.addEventListener('pagehide', this.#endAll);
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
    globalThis.removeEventListener('pagehide', this.#endAll);
    this.#endAll();
  }

  readonly #onMessage = (event: MessageEvent<unknown>): void => {
    const { data, source, ports } = event;
    const [port] = ports;
    if (!port || !isFileRequest(data)) return;
    const path = decodePath(data.path);
    if (path === undefined || !this.#source.has(path)) {
      // Another client of this page may say otherwise in the same moment; then that counts.
      port.postMessage({ type: 'unknown' } satisfies TabMessage);
      return;
    }
    event.stopImmediatePropagation();
    const answer: Answer = new Answer(port, source as ServiceWorker | null, {
      request: data,
      find: () => this.#source.find(path),
      onOpen: () => {
        // A player often asks anew because the worker that had its stream was stopped.
        this.#lookAfter();
        this.#running.add(answer);
        this.#timer ??= setInterval(this.#lookAfter, LOOK_AFTER);
      },
      onEnd: () => {
        this.#running.delete(answer);
        if (this.#running.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    });
  };

  readonly #endAll = (): void => {
    for (const answer of [...this.#running]) answer.fail(new Error('The tab that sent this file has gone.'));
  };

  readonly #lookAfter = (): void => {
    for (const answer of [...this.#running]) answer.lookAfter();
  };
}

interface AnswerOptions {
  readonly request: FileRequestMessage;
  find(): Promise<ServedFile | undefined>;
  /** This tab was chosen. */
  onOpen(): void;
  /** Once, after `onOpen`. */
  onEnd(): void;
}

/** One request, from the offer to answer it to the end of the stream. */
class Answer {
  readonly #port: MessagePort;
  readonly #worker: ServiceWorker | null;
  readonly #options: AnswerOptions;
  readonly #abort = new AbortController();
  #bytes: AsyncIterator<Uint8Array> | undefined;
  #opened = false;
  /** Runs while the worker has not answered whether it still has the stream. */
  #unanswered: ReturnType<typeof setTimeout> | undefined;

  constructor(port: MessagePort, worker: ServiceWorker | null, options: AnswerOptions) {
    this.#port = port;
    this.#worker = worker;
    this.#options = options;
    port.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#onMessage(data);
    // Not every browser tells; `lookAfter` finds out in all of them.
    port.addEventListener('close', () => this.#end());
    this.#tell({ type: 'known' });
  }

  /** Keeps the worker running, and ends the stream when that has been stopped or has forgotten it. */
  lookAfter(): void {
    this.#unanswered ??= setTimeout(() => this.#end(), ANSWER_LIMIT);
    this.#tell({ type: 'ping' });
    // Some browsers throw when the worker is gone for good.
    if (this.#worker?.state !== 'redundant')
      this.#worker?.postMessage({ freshet: 'keep' } satisfies KeepMessage);
  }

  /** Breaks the stream off. */
  fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#tell({ type: 'error', message: error instanceof Error ? error.message : String(error) });
    this.#end();
  }

  #onMessage(message: WorkerMessage): void {
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
    if (message.type === 'ping') this.#tell({ type: 'pong' });
    else if (message.type === 'cancel') this.#end();
    else if (message.type === 'open' && !this.#opened) void this.#open(message.skip);
    else if (message.type === 'pull') void this.#send();
  }

  async #open(skip: number): Promise<void> {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    this.#opened = true;
    this.#options.onOpen();
    try {
      const file = await this.#options.find();
      if (signal.aborted) return;
      if (!file) {
        this.#tell({ type: 'unknown' });
        this.#end();
        return;
      }
      const { status, headers, body } = fileHead(this.#options.request, file);
      this.#bytes = bodyBytes(body, skip, (start, last) => file.read(start, last, signal));
      this.#tell({ type: 'head', status, headers, body: body.length > 0 });
      if (body.length === 0) this.#end();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Sends one chunk, or says that there are no more. */
  async #send(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const { done, value } = (await this.#bytes?.next()) ?? { done: true };
      if (signal.aborted) return;
      // A copy goes over the port: the memory may be the engine's.
      if (done !== true) this.#tell({ type: 'chunk', data: value });
      else {
        this.#tell({ type: 'end' });
        this.#end();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #tell(message: TabMessage): void {
    this.#port.postMessage(message);
  }

  #end(): void {
    if (this.#abort.signal.aborted) return;
    clearTimeout(this.#unanswered);
    this.#abort.abort(new Error('This stream has been cancelled.'));
    // Ends what is being read where nobody waits for it.
    this.#bytes?.return?.().catch(() => undefined);
    this.#port.close();
    if (this.#opened) this.#options.onEnd();
  }
}
