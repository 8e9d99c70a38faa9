/** Gets the service worker to stand between this page and the network. */

import type { ClaimMessage } from './file-protocol.ts';

const CONTROL_LIMIT = 5_000;

export interface ServiceWorkerOptions {
  /** Folder of addresses the worker may answer. Default: the folder that its script is in. */
  readonly scope?: string | undefined;
}

/**
 * Registers `freshet-sw.js` and waits until it is active and controls this page. Rejects with a sentence where
 * service workers are not to be had, the script does not load, or the page lies outside of the scope.
 */
export async function registerServiceWorker(
  url: string | URL,
  options: ServiceWorkerOptions = {},
): Promise<ServiceWorkerRegistration> {
  if (typeof navigator === 'undefined' || !('serviceWorker' in navigator)) {
    throw new Error(
      'This page cannot have a service worker: it needs https: or localhost, and no private window.',
    );
  }
  const { scope } = options;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(url, scope === undefined ? {} : { scope });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The service worker ${url} could not be registered: ${reason}`, { cause });
  }
  if (!location.href.startsWith(registration.scope)) {
    throw new Error(`The service worker's scope ${registration.scope} does not include this page.`);
  }
  await controlled(await activated(registration, url));
  return registration;
}

async function activated(registration: ServiceWorkerRegistration, url: string | URL): Promise<ServiceWorker> {
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (!worker) throw new Error(`The service worker ${url} was not installed.`);
  await new Promise<void>((resolve, reject) => {
    const check = (): void => {
      if (worker.state === 'activated') resolve();
      else if (worker.state === 'redundant')
        reject(new Error(`The service worker ${url} failed to install.`));
    };
    worker.addEventListener('statechange', check);
    check();
  });
  return worker;
}

async function controlled(worker: ServiceWorker): Promise<void> {
  const container = navigator.serviceWorker;
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => {
      container.removeEventListener('controllerchange', check);
      reject(
        new Error(`The service worker ${worker.scriptURL} does not take control of this page; reload it.`),
      );
    }, CONTROL_LIMIT);
    const check = (): void => {
      if (container.controller?.scriptURL !== worker.scriptURL) return;
      clearTimeout(limit);
      container.removeEventListener('controllerchange', check);
      resolve();
    };
    container.addEventListener('controllerchange', check);
    if (container.controller === null) worker.postMessage({ freshet: 'claim' } satisfies ClaimMessage);
    check();
  });
}
