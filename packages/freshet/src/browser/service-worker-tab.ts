/** The tabs of the site, as the service worker speaks with them about one request. */

import type { FileRequestMessage, TabMessage, WorkerMessage } from './file-protocol.ts';
import type { ServiceWorkerScope, WorkerClient } from './service-worker-types.ts';

/** For a tab to say whether it has the torrent: the one that asks may be busy, another one frozen in the background. */
const ASKER_LIMIT = 4_000;
const OTHER_LIMIT = 1_500;
/** How long the asking tab is preferred to another one that has the torrent already. */
const PREFERENCE = 300;
/** Several clients in one page answer at the same time, those that have the torrent and those that do not. */
const SAME_MOMENT = 10;
/** How often a tab that owes an answer is looked after, and how often in vain. */
const LOOK_AFTER = 2_000;
const IN_VAIN = 5;

export type Head = TabMessage & { type: 'head' };

const worker = self as unknown as ServiceWorkerScope;

/** The tab is gone, broke off, or cannot answer. */
export class TabError extends Error {}

/** A tab that has the torrent. It does nothing before it is told to open. */
export class Tab {
  readonly id: string;
  readonly #port: MessagePort;
  #answered: ((message: TabMessage) => void) | undefined;
  #failed: ((error: TabError) => void) | undefined;
  #failure: TabError | undefined;
  #unanswered = 0;

  constructor(id: string, port: MessagePort) {
    this.id = id;
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<TabMessage>) => this.#onMessage(data);
    // Not every browser tells; a tab that owes an answer is looked after in all of them.
    port.addEventListener('close', () => this.#fail('The tab that sent this file has gone.'));
  }

  /** Has it answer the request, without the first `skip` bytes of the body. Rejects after `limit` ms. */
  async open(skip: number, limit: number): Promise<Head | undefined> {
    const timer = setTimeout(
      () => this.#fail('The torrent is not ready: none of its peers has answered yet; try again.'),
      limit,
    );
    try {
      const answer = await this.#ask({ type: 'open', skip });
      return answer.type === 'head' ? answer : undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next bytes; `undefined` at the end. */
  async pull(): Promise<Uint8Array | undefined> {
    const answer = await this.#ask({ type: 'pull' });
    return answer.type === 'chunk' ? answer.data : undefined;
  }

  cancel(): void {
    this.#tell({ type: 'cancel' });
    this.#fail('This stream has been cancelled.');
  }

  async #ask(message: WorkerMessage): Promise<TabMessage> {
    if (this.#failure) throw this.#failure;
    this.#unanswered = 0;
    const timer = setInterval(() => void this.#lookAfter(), LOOK_AFTER);
    try {
      return await new Promise<TabMessage>((resolve, reject) => {
        this.#answered = resolve;
        this.#failed = reject;
        this.#tell(message);
      });
    } finally {
      clearInterval(timer);
    }
  }

  async #lookAfter(): Promise<void> {
    if (this.#unanswered++ >= IN_VAIN || !(await worker.clients.get(this.id)))
      this.#fail('The tab that sent this file does not answer any more.');
    else this.#tell({ type: 'ping' });
  }

  #onMessage(message: TabMessage): void {
    this.#unanswered = 0;
    if (message.type === 'ping') this.#tell({ type: 'pong' });
    else if (message.type === 'error') this.#fail(message.message);
    else if (message.type !== 'pong') this.#answered?.(message);
  }

  #tell(message: WorkerMessage): void {
    this.#port.postMessage(message);
  }

  #fail(sentence: string): void {
    this.#failure ??= new TabError(sentence);
    this.#failed?.(this.#failure);
    this.#port.close();
  }
}

/**
 * Finds a tab that has the torrent: the one that asks if it can be, else the first that says so. All are asked, as that
 * costs them nothing, and one is told to read: if all of them did, each would fetch the same bytes.
 * @param without tabs that have failed.
 */
export async function findTab(
  message: FileRequestMessage,
  askerId: string,
  without: ReadonlySet<string>,
): Promise<Tab | 'unknown' | 'silent'> {
  const clients = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const asked = clients.filter(({ id }) => !without.has(id));
  const asker = asked.find(({ id }) => id === askerId);
  let silent = false;
  const probe = (client: WorkerClient, limit: number): Promise<Tab> =>
    ask(client, message, limit).catch((reason: unknown) => {
      silent ||= reason === 'silent';
      throw reason;
    });
  const own = asker ? probe(asker, ASKER_LIMIT) : Promise.reject();
  const others = asked.filter((one) => one !== asker).map((client) => probe(client, OTHER_LIMIT));
  const other = Promise.any(others).then(async (tab) => {
    const preferred = own.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([preferred, new Promise((resolve) => setTimeout(resolve, PREFERENCE))]);
    return tab;
  });
  const chosen = await Promise.any([own, other]).catch(() => undefined);
  for (const one of [own, ...others])
    one.then(
      (tab) => tab !== chosen && tab.cancel(),
      () => undefined,
    );
  return chosen ?? (silent ? 'silent' : 'unknown');
}

/** Resolves when the tab says that it has the torrent; rejects with `unknown`, or with `silent` after `limit` ms. */
function ask(client: WorkerClient, message: FileRequestMessage, limit: number): Promise<Tab> {
  const { port1: port, port2 } = new MessageChannel();
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => {
      // Whatever it says later, nobody listens.
      port.postMessage({ type: 'cancel' } satisfies WorkerMessage);
      port.close();
      reject('silent');
    }, limit);
    port.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      clearTimeout(timer);
      if (data.type === 'known') resolve(new Tab(client.id, port));
      else if (data.type === 'unknown') timer = setTimeout(() => reject('unknown'), SAME_MOMENT);
    };
    client.postMessage(message, [port2]);
  });
}
