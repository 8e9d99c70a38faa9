/** Of calls to a file system that are all latency. */
const PARALLEL_CALLS = 16;

/** Runs `action` for all items, some at a time. Rejects with the first fault when nothing is under way any more. */
export async function inTurns<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    try {
      while (next < items.length && !failed) await action(items[next++]!);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const workers = Array.from({ length: Math.min(PARALLEL_CALLS, items.length) }, work);
  const rejected = (await Promise.allSettled(workers)).find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
