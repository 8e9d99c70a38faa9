/** What a service worker does for a pipe between two tabs (pipe-broker.ts). */

import type { PipeMessage } from './pipe-broker.ts';
import type { ServiceWorkerScope } from './service-worker-types.ts';

/** A tab that has the engine says so at once, or after it has done what it is busy with. */
const ANSWER_LIMIT = 10_000;

const worker = self as unknown as ServiceWorkerScope;

/** Gives the port to the tab that says it has the engine; resolves when it has it, or when none has said so. */
export async function passPipe(name: string, port: MessagePort): Promise<void> {
  const clients = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  await new Promise<void>((resolve) => {
    let passed = false;
    setTimeout(resolve, ANSWER_LIMIT);
    for (const client of clients) {
      const { port1: question, port2 } = new MessageChannel();
      question.onmessage = () => {
        if (!passed) question.postMessage(null, [port]);
        passed = true;
        resolve();
      };
      client.postMessage({ freshet: 'pipe', name } satisfies PipeMessage, [port2]);
    }
  });
}
