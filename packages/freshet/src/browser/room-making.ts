/** Files that are written again, once something else has made room for them. */

import { DiskError } from '../engine/ports.ts';
import type { FileStore, StoredFile } from '../engine/storage/file-store.ts';

/**
 * @param makeRoom frees about so many bytes and resolves with how many there were; 0 when there is nothing to free. It is
 *   called once for all writes that fail at the same time.
 */
export function withRoomMaking(store: FileStore, makeRoom: (bytes: number) => Promise<number>): FileStore {
  let making: Promise<number> | undefined;
  const made = (bytes: number): Promise<number> => {
    making ??= makeRoom(bytes).finally(() => {
      making = undefined;
    });
    return making;
  };
  /** The fault stands when there is nothing to free, or the attempt fails too. */
  async function again(error: unknown, bytes: number, run: () => Promise<void>): Promise<void> {
    for (let fault = error; ; ) {
      if (!(fault instanceof DiskError) || fault.code !== 'FULL') throw fault;
      if ((await made(bytes).catch(() => 0)) === 0) throw fault;
      try {
        await run();
        return;
      } catch (next) {
        fault = next;
      }
    }
  }
  const wrap = (file: StoredFile): StoredFile => ({
    opened: file.opened,
    read: (offset, into) => file.read(offset, into),
    write: (offset, parts) => {
      const write = (): Promise<void> => file.write(offset, parts);
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      return write().catch((error: unknown) => again(error, bytes, write));
    },
    truncate: (length) => file.truncate(length),
    sync: () => file.sync?.() ?? Promise.resolve(),
    close: () => file.close(),
  });
  return {
    open: async (path, forWriting) => {
      const file = await store.open(path, forWriting);
      return forWriting ? wrap(file) : file;
    },
    stat: (path) => store.stat(path),
    remove: (path) => store.remove(path),
    ...(store.rename && { rename: store.rename.bind(store) }),
    ...(store.freeSpace && { freeSpace: store.freeSpace.bind(store) }),
    label: (path) => store.label(path),
  };
}
