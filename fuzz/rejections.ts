/** Promises that nobody waits for, and that failed. */

const unhandled: unknown[] = [];

process.on('unhandledRejection', (reason) => {
  unhandled.push(reason);
});

/** Those since the last call, once the queue of microtasks is empty. */
export async function takeRejections(): Promise<unknown[]> {
  await new Promise((resolve) => setImmediate(resolve));
  return unhandled.splice(0);
}
