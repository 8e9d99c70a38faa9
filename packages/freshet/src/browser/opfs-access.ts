/**
 * The origin private file system through synchronous access handles, which only a dedicated worker may have. Paths count
 * from its root. Everything rejects with the browser's exceptions; `opfs.ts` makes sentences of them.
 */

/** The File System standard's interface; TypeScript has it in its worker library only. */
export interface SyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(data: Uint8Array, options: { at: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

interface SyncFileHandle {
  createSyncAccessHandle?(options: { mode: 'readwrite' | 'read-only' }): Promise<SyncAccessHandle>;
  getFile(): Promise<File>;
  /** Not in every browser. */
  move?(parent: FileSystemDirectoryHandle, name: string): Promise<void>;
}

type Path = readonly string[];

/** A page that was just reloaded may have a predecessor whose worker has not let go of its handles yet. */
const LOCK_TRIES = 40;
const LOCK_PAUSE = 50;
/** Copied at a time, where a file cannot be moved. */
const COPY_LENGTH = 1 << 20;

/** Rejects with a sentence where this thread cannot use OPFS. */
export async function needOpfs(): Promise<void> {
  if (typeof navigator === 'undefined' || navigator.storage?.getDirectory === undefined) {
    throw new Error(
      'This page has no private file system: it needs https: or localhost and a current browser.',
    );
  }
  let reason: string | undefined;
  if (
    typeof FileSystemFileHandle === 'undefined' ||
    !('createSyncAccessHandle' in FileSystemFileHandle.prototype)
  ) {
    reason = 'it has synchronous access handles in workers only, or none at all';
  } else {
    // A private window may refuse it.
    await navigator.storage.getDirectory().catch((error: unknown) => {
      reason = error instanceof Error ? error.message : String(error);
    });
  }
  if (reason !== undefined) throw new Error(`The browser's private file system cannot be used: ${reason}.`);
}

/** The name of the browser's exception. */
export function exceptionName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

function fault(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

async function folderAt(path: Path, create: boolean): Promise<FileSystemDirectoryHandle> {
  let at = await navigator.storage.getDirectory();
  for (const name of path) at = await at.getDirectoryHandle(name, { create });
  return at;
}

function parentOf(path: Path, create: boolean): Promise<FileSystemDirectoryHandle> {
  return folderAt(path.slice(0, -1), create);
}

function nameOf(path: Path): string {
  return path[path.length - 1] ?? '';
}

async function fileAt(path: Path, create: boolean): Promise<SyncFileHandle> {
  const parent = await parentOf(path, create);
  return (await parent.getFileHandle(nameOf(path), { create })) as unknown as SyncFileHandle;
}

async function lock(handle: SyncFileHandle, mode: 'readwrite' | 'read-only'): Promise<SyncAccessHandle> {
  for (let tries = 1; ; tries++) {
    try {
      if (handle.createSyncAccessHandle) return await handle.createSyncAccessHandle({ mode });
      throw fault('NotSupportedError', 'this browser has no synchronous access handles');
    } catch (error) {
      if (exceptionName(error) !== 'NoModificationAllowedError' || tries === LOCK_TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE));
  }
}

/** The file and its folders are made when it is opened for writing. */
export async function openAccess(path: Path, forWriting: boolean): Promise<SyncAccessHandle> {
  return lock(await fileAt(path, forWriting), forWriting ? 'readwrite' : 'read-only');
}

/** All of it, or `QuotaExceededError`. */
export function writeAll(access: SyncAccessHandle, data: Uint8Array, offset: number): void {
  for (let done = 0; done < data.length; ) {
    const count = access.write(done === 0 ? data : data.subarray(done), { at: offset + done });
    if (count === 0) throw fault('QuotaExceededError', 'nothing more could be written');
    done += count;
  }
}

/** -1 when there is no file. */
export async function sizeOf(path: Path): Promise<number> {
  try {
    return (await (await fileAt(path, false)).getFile()).size;
  } catch (error) {
    if (isAbsent(error)) return -1;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const name = exceptionName(error);
  return name === 'NotFoundError' || name === 'TypeMismatchError';
}

/** Removes parent folders as well while they are empty and deeper than `depth` names. */
export async function removeFile(path: Path, depth: number): Promise<void> {
  try {
    const parent = await parentOf(path, false);
    // Throws where a folder is in the file's place, which stays.
    await parent.getFileHandle(nameOf(path));
    await parent.removeEntry(nameOf(path));
  } catch (error) {
    if (exceptionName(error) === 'TypeMismatchError') return;
    if (exceptionName(error) !== 'NotFoundError') throw error;
  }
  await removeEmptyFolders(path, depth);
}

async function removeEmptyFolders(path: Path, depth: number): Promise<void> {
  for (let length = path.length - 1; length > depth; length--) {
    const folder = path.slice(0, length);
    try {
      await (await parentOf(folder, false)).removeEntry(nameOf(folder));
    } catch (error) {
      if (exceptionName(error) !== 'NotFoundError') return;
    }
  }
}

/** Removes a folder with all that is in it. */
export async function removeTree(path: Path): Promise<void> {
  try {
    await (await parentOf(path, false)).removeEntry(nameOf(path), { recursive: true });
  } catch (error) {
    if (exceptionName(error) !== 'NotFoundError') throw error;
  }
}

/** Names of a folder's files; none when it is not there. */
export async function namesIn(path: Path): Promise<string[]> {
  return (await childrenOf(path)).map(({ name }) => name);
}

/** Bytes of each folder in a folder, with all that is in it; none when it is not there. */
export async function folderSizes(path: Path): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const child of await childrenOf(path)) {
    if (child.kind === 'directory') sizes.set(child.name, await treeSize([...path, child.name]));
  }
  return sizes;
}

async function treeSize(path: Path): Promise<number> {
  let size = 0;
  for (const child of await childrenOf(path)) {
    const at = [...path, child.name];
    // What goes meanwhile counts nothing.
    size += child.kind === 'directory' ? await treeSize(at) : Math.max(0, await sizeOf(at));
  }
  return size;
}

async function childrenOf(path: Path): Promise<FileSystemHandle[]> {
  try {
    const children: FileSystemHandle[] = [];
    for await (const child of (await folderAt(path, false)).values()) children.push(child);
    return children;
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Rejects with `InvalidModificationError` when something is at `to`. Removes the old parent folders as `removeFile` does. */
export async function moveFile(from: Path, to: Path, depth: number): Promise<void> {
  const source = await fileAt(from, false);
  if (!(await isFree(to))) throw fault('InvalidModificationError', 'something is there already');
  const parent = await parentOf(to, true);
  if (source.move) await source.move(parent, nameOf(to));
  else await copyAndRemove(from, source, to);
  await removeEmptyFolders(from, depth);
}

async function isFree(path: Path): Promise<boolean> {
  try {
    await fileAt(path, false);
    return false;
  } catch (error) {
    // A folder in its place, or a file in the place of its folder.
    if (exceptionName(error) === 'TypeMismatchError') return false;
    if (exceptionName(error) === 'NotFoundError') return true;
    throw error;
  }
}

/** Slow, and it takes the room twice; but what is interrupted leaves the old file whole. */
async function copyAndRemove(from: Path, source: SyncFileHandle, to: Path): Promise<void> {
  const input = await lock(source, 'read-only');
  try {
    const output = await lock(await fileAt(to, true), 'readwrite');
    try {
      const buffer = new Uint8Array(COPY_LENGTH);
      for (let at = 0; ; ) {
        const count = input.read(buffer, { at });
        if (count === 0) break;
        writeAll(output, buffer.subarray(0, count), at);
        at += count;
      }
      output.flush();
    } finally {
      output.close();
    }
  } catch (error) {
    await (await parentOf(to, false)).removeEntry(nameOf(to)).catch(() => undefined);
    throw error;
  } finally {
    input.close();
  }
  await (await parentOf(from, false)).removeEntry(nameOf(from));
}

/** Bytes that the browser would still let this site write; `undefined` where it does not say. */
export async function freeSpace(): Promise<number | undefined> {
  const { quota, usage } = await navigator.storage.estimate();
  return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
}
