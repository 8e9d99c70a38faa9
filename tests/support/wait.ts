/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `promise`, or an error that names `what` once `ms` milliseconds have passed. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long and how often `waitUntil` looks; both in milliseconds. */
export interface WaitOptions {
  timeout?: number | undefined;
  interval?: number | undefined;
}

/**
 * Calls `check` until it returns something other than `undefined`, `null` or `false`, and returns that.
 * Throws an error that names `what` and the last failure after `timeout` (10 s unless told).
 */
export async function waitUntil<T>(
  what: string,
  check: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const { timeout = 10_000, interval = 50 } = options;
  const end = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      last = undefined;
      const value = await check();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      const reason = last instanceof Error ? ` (last: ${last.message})` : '';
      throw new Error(`${what}: not within ${timeout} ms${reason}`);
    }
    await sleep(interval);
  }
}
