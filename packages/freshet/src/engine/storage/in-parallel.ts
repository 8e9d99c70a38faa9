/** A few pieces at a time through one buffer each: how storage is read in bulk. */

/** Memory for all buffers together; one piece is always possible. */
const MAX_MEMORY = 32 * 1024 * 1024;
/** Reads and digests overlap with four; more only makes the disk seek. */
const MAX_WORKERS = 4;

/**
 * Takes indexes from `next` until it gives none, and runs `work` for each with a buffer that nobody else has.
 * After a fault nothing new starts; the first one rejects when all that ran has ended.
 */
export async function inParallel(
  pieceLength: number,
  next: () => number | undefined,
  work: (index: number, buffer: Uint8Array) => Promise<void>,
): Promise<void> {
  const count = Math.max(1, Math.min(MAX_WORKERS, Math.floor(MAX_MEMORY / pieceLength)));
  let failed = false;
  const run = async (): Promise<void> => {
    let buffer: Uint8Array | undefined;
    try {
      for (let index = next(); index !== undefined && !failed; index = next()) {
        buffer ??= new Uint8Array(pieceLength);
        await work(index, buffer);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: count }, run));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
