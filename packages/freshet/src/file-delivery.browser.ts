/**
 * `file.streamTo(element)` in a page. In this order: the service worker; a web seed's address of that very file; all of
 * the file as a blob, once it is there. Media Source Extensions are not among them: of most films they would need
 * another container first, and what makes one is larger than the whole library.
 */

import type { Delivery, StreamRequest } from './api/index.ts';
import { PlaybackKeeper } from './browser/playback-keeper.ts';
import { PageFileServer } from './file-server.browser.ts';

const running = new WeakMap<object, FileDelivery>();

/** Gives the file to the element; what the element was given before ends. */
export function deliverFile(request: StreamRequest): void {
  running.get(request.element)?.end();
  const delivery = new FileDelivery(request);
  running.set(request.element, delivery);
  delivery.start();
}

class FileDelivery {
  readonly #request: StreamRequest;
  readonly #abort = new AbortController();
  #keeper: PlaybackKeeper | undefined;
  #reason: string | undefined;
  /** What is left to be tried before the blob; `undefined` before it is known. */
  #addresses: string[] | undefined;

  constructor(request: StreamRequest) {
    this.#request = request;
  }

  start(): void {
    const { server, signal } = this.#request;
    if (signal.aborted) {
      this.#request.fail(signal.reason);
      return;
    }
    signal.addEventListener('abort', () => this.end(), { signal: this.#abort.signal });
    if (server instanceof PageFileServer && server.isOpen)
      this.#use('service-worker', this.#request.file.streamURL);
    else void this.#wait(server);
  }

  end(): void {
    this.#keeper?.end();
    this.#abort.abort(new Error('The element was given another file.'));
  }

  async #wait(server: StreamRequest['server']): Promise<void> {
    const problem = server instanceof PageFileServer ? await server.ready : undefined;
    if (this.#abort.signal.aborted) return;
    if (server instanceof PageFileServer && problem === undefined)
      this.#use('service-worker', this.#request.file.streamURL);
    else
      void this.#fallBack(problem?.message ?? 'There is no service worker: client.createServer() takes one.');
  }

  /** Uses the next address, and without one the blob. */
  async #fallBack(reason: string): Promise<void> {
    this.#reason ??= reason;
    const { file, addresses } = this.#request;
    // What is there already needs no server.
    this.#addresses ??= file.done ? [] : [...(await addresses().catch(() => []))];
    if (this.#abort.signal.aborted) return;
    const url = this.#addresses.shift();
    if (url === undefined) await this.#useBlob();
    else this.#use('web-seed', url);
  }

  async #useBlob(): Promise<void> {
    const { signal } = this.#abort;
    this.#tell('blob', undefined);
    try {
      const blob = await this.#request.file.blob({ signal });
      if (signal.aborted) return;
      const url = URL.createObjectURL(blob);
      signal.addEventListener('abort', () => URL.revokeObjectURL(url));
      this.#use('blob', url);
    } catch (error) {
      if (!signal.aborted) this.#request.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #use(kind: Delivery['kind'], url: string): void {
    const { element } = this.#request;
    const from = this.#keeper?.end();
    this.#keeper = new PlaybackKeeper(element, url, {
      local: kind !== 'web-seed',
      from,
      onFailed: () => void this.#fallBack('The service worker does not answer any more; reload the page.'),
    });
    this.#tell(kind, url);
  }

  #tell(kind: Delivery['kind'], url: string | undefined): void {
    const { element, tell } = this.#request;
    tell({ element, kind, url, reason: this.#reason });
  }
}
