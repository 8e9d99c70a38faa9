/**
 * The service worker: `freshet-sw.js`, one classic script for any scope. It answers GET and HEAD of a torrent's
 * file with what a tab sends to it, and leaves everything else to the network. It remembers nothing from one request
 * to the next, so it may be stopped at any time. A site that has a service worker of its own loads it there with
 * `importScripts`.
 */

import { type FileRequestMessage, isClaim, routedPath } from './file-protocol.ts';
import { pipeName } from './pipe-broker.ts';
import { answerFrom } from './service-worker-answer.ts';
import { passPipe } from './service-worker-pipe.ts';
import type { ServiceWorkerScope } from './service-worker-types.ts';

const worker = self as unknown as ServiceWorkerScope;

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
// That a message came at all is what keeps the worker running (`KeepMessage`).
worker.addEventListener('message', (event) => {
  if (isClaim(event.data)) event.waitUntil(worker.clients.claim());
  const pipe = pipeName(event.data);
  const [port] = event.ports;
  if (pipe !== undefined && port) event.waitUntil(passPipe(pipe, port));
});
worker.addEventListener('fetch', (event) => {
  const { request, clientId } = event;
  const { method, url, headers, destination, signal } = request;
  if (method !== 'GET' && method !== 'HEAD') return;
  const path = routedPath(url, worker.registration.scope);
  if (path === undefined) return;
  const message: FileRequestMessage = {
    freshet: 'file',
    path,
    method,
    range: headers.get('range') ?? undefined,
    ifRange: headers.get('if-range') ?? undefined,
    ifNoneMatch: headers.get('if-none-match') ?? undefined,
    destination,
    boundary: `freshet-${crypto.randomUUID()}`,
  };
  event.respondWith(answerFrom(message, clientId, signal));
});
