/**
 * The service worker: `freshet-sw.js`, one classic script for any scope. It answers GET and HEAD of a torrent's
 * file with what a tab streams to it, and leaves everything else to the network. A site that has a service worker
 * of its own loads it there with `importScripts`.
 */

import {
  type FileRequestMessage,
  isClaim,
  type PageMessage,
  routedPath,
  type WorkerMessage,
} from './file-protocol.ts';
import type { FetchEvent, ServiceWorkerScope, WorkerClient } from './service-worker-types.ts';

/** The asking tab may be busy; another one may be frozen in the background. */
const ASKER_LIMIT = 3_000;
const OTHER_LIMIT = 1_000;
/** For all tabs together to say whether they are there. */
const TOTAL_LIMIT = 5_000;
/** For a tab that is there to begin its answer: metadata may have to come from a peer first. */
const HEAD_LIMIT = 30_000;

type Outcome = Response | 'unknown' | 'silent';

const worker = self as unknown as ServiceWorkerScope;

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('message', (event) => {
  if (isClaim(event.data)) event.waitUntil(worker.clients.claim());
});
worker.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if ((method === 'GET' || method === 'HEAD') && routedPath(url, worker.registration.scope) !== undefined) {
    event.respondWith(answer(event, method));
  }
});

async function answer(event: FetchEvent, method: 'GET' | 'HEAD'): Promise<Response> {
  const { request, clientId } = event;
  const message: FileRequestMessage = {
    freshet: 'file',
    url: request.url,
    method,
    range: request.headers.get('range') ?? undefined,
    ifRange: request.headers.get('if-range') ?? undefined,
    destination: request.destination,
  };
  const deadline = Date.now() + TOTAL_LIMIT;
  let anySilent = false;
  // One tab after the other: a race would make every tab fetch the same bytes.
  for (const client of await tabs(clientId)) {
    const limit = Math.min(client.id === clientId ? ASKER_LIMIT : OTHER_LIMIT, deadline - Date.now());
    if (limit <= 0 || request.signal.aborted) break;
    const outcome = await ask(client, message, limit, request.signal);
    if (outcome instanceof Response) return outcome;
    anySilent ||= outcome === 'silent';
  }
  return anySilent
    ? refusal(503, 'No tab with this torrent answers; open the page that downloads it, then try again.')
    : refusal(404, 'No open tab has this torrent; open the page that downloads it, then try again.');
}

/** The tab that asks comes first. */
async function tabs(clientId: string): Promise<WorkerClient[]> {
  const all = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const asker = clientId === '' ? undefined : await worker.clients.get(clientId);
  return asker ? [asker, ...all.filter(({ id }) => id !== asker.id)] : [...all];
}

function ask(
  client: WorkerClient,
  message: FileRequestMessage,
  limit: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const { port1: port, port2 } = new MessageChannel();
  const cancel = (): void => {
    port.postMessage({ type: 'cancel' } satisfies WorkerMessage);
  };
  return new Promise((resolve) => {
    let timer = setTimeout(() => {
      cancel();
      resolve('silent');
    }, limit);
    // The player has gone, by a seek or for good.
    signal.addEventListener('abort', cancel, { once: true });
    port.onmessage = ({ data }: MessageEvent<PageMessage>) => {
      clearTimeout(timer);
      if (data.type === 'accepted') {
        timer = setTimeout(() => {
          cancel();
          resolve(refusal(503, 'The torrent is not ready: none of its peers has answered yet; try again.'));
        }, HEAD_LIMIT);
      } else if (data.type === 'head') {
        resolve(response(data, port));
      } else if (data.type === 'unknown') {
        resolve('unknown');
      } else if (data.type === 'error') {
        resolve(refusal(503, data.message));
      }
    };
    client.postMessage(message, [port2]);
  });
}

function response(head: PageMessage & { type: 'head' }, port: MessagePort): Response {
  const body = head.body === 'pull' ? pulled(port) : (head.body ?? null);
  return new Response(body, {
    status: head.status,
    headers: head.headers.map(([name, value]): [string, string] => [name, value]),
  });
}

/** The body where streams cannot be transferred: one message for each chunk, sent when the reader wants it. */
function pulled(port: MessagePort): ReadableStream<Uint8Array> {
  let wanted: (() => void) | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        port.onmessage = ({ data }: MessageEvent<PageMessage>) => {
          if (data.type === 'chunk') controller.enqueue(data.data);
          else if (data.type === 'end') controller.close();
          else if (data.type === 'error') controller.error(new Error(data.message));
          wanted?.();
        };
      },
      pull() {
        port.postMessage({ type: 'pull' } satisfies WorkerMessage);
        return new Promise((resolve) => {
          wanted = resolve;
        });
      },
      cancel() {
        port.postMessage({ type: 'cancel' } satisfies WorkerMessage);
      },
    },
    { highWaterMark: 0 },
  );
}

function refusal(status: 404 | 503, sentence: string): Response {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };
  return new Response(sentence, { status, headers });
}
