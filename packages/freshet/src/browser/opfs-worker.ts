/**
 * The worker that owns OPFS' synchronous access handles, which only a dedicated worker may have.
 *
 * A page starts it from the text of `opfsWorkerMain` (see `opfs-host.ts`), so there is no file to host and no
 * bundler to configure. The price: the function must refer to nothing outside of itself but globals.
 */

/** What the page asks. `path` counts from OPFS' root; `file` is the number that `open` gave. */
export type OpfsRequest =
  | { readonly op: 'probe' }
  | { readonly op: 'open'; readonly path: readonly string[]; readonly forWriting: boolean }
  | { readonly op: 'read'; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly op: 'write'; readonly file: number; readonly offset: number; readonly data: ArrayBuffer }
  /** Leaves a file alone that is not longer. */
  | { readonly op: 'truncate'; readonly file: number; readonly length: number }
  | { readonly op: 'sync'; readonly file: number }
  | { readonly op: 'close'; readonly file: number }
  | { readonly op: 'stat'; readonly path: readonly string[] }
  /** Removes parent folders as well while they are empty and deeper than `depth` names. */
  | { readonly op: 'remove'; readonly path: readonly string[]; readonly depth: number }
  /** Removes the old parent folders as `remove` does. */
  | {
      readonly op: 'rename';
      readonly from: readonly string[];
      readonly to: readonly string[];
      readonly depth: number;
    }
  | { readonly op: 'free' }
  /** Removes a folder with all that is in it. */
  | { readonly op: 'removeTree'; readonly path: readonly string[] };

export interface OpfsResults {
  readonly probe: boolean;
  readonly open: number;
  readonly read: ArrayBuffer;
  readonly write: undefined;
  readonly truncate: undefined;
  readonly sync: undefined;
  readonly close: undefined;
  readonly stat: { readonly size: number; readonly modified: number };
  readonly remove: undefined;
  readonly rename: undefined;
  readonly free: number | undefined;
  readonly removeTree: undefined;
}

export type OpfsReply =
  | { readonly id: number; readonly result: OpfsResults[keyof OpfsResults] }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

/** The File System standard's interface; TypeScript has it in its worker library only. */
interface SyncAccessHandle {
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

export interface OpfsWorkerScope {
  onmessage: ((event: MessageEvent<OpfsRequest & { readonly id: number }>) => void) | null;
  postMessage(reply: OpfsReply, transfer: Transferable[]): void;
  readonly navigator: { readonly storage: StorageManager };
  setTimeout(callback: () => void, delay: number): unknown;
}

/** All of the worker. Self-contained: see above. */
export function opfsWorkerMain(scope: OpfsWorkerScope): void {
  // A page that was just reloaded may have a predecessor whose worker has not let go of its handles yet.
  const LOCK_TRIES = 10;
  const LOCK_PAUSE = 50;

  const files = new Map<number, SyncAccessHandle>();
  let nextFile = 1;

  function nameOf(error: unknown): string {
    return error instanceof Error ? error.name : '';
  }

  function fault(name: string, message: string): Error {
    const error = new Error(message);
    error.name = name;
    return error;
  }

  async function folder(path: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
    let at = await scope.navigator.storage.getDirectory();
    for (const name of path) at = await at.getDirectoryHandle(name, { create });
    return at;
  }

  async function fileHandle(path: readonly string[], create: boolean): Promise<SyncFileHandle> {
    const parent = await folder(path.slice(0, -1), create);
    return (await parent.getFileHandle(path[path.length - 1] ?? '', { create })) as unknown as SyncFileHandle;
  }

  async function lock(handle: SyncFileHandle, mode: 'readwrite' | 'read-only'): Promise<SyncAccessHandle> {
    for (let tries = 1; ; tries++) {
      try {
        if (handle.createSyncAccessHandle) return await handle.createSyncAccessHandle({ mode });
        throw fault('NotSupportedError', 'this browser has no synchronous access handles');
      } catch (error) {
        if (nameOf(error) !== 'NoModificationAllowedError' || tries === LOCK_TRIES) throw error;
      }
      await new Promise<void>((resolve) => {
        scope.setTimeout(resolve, LOCK_PAUSE);
      });
    }
  }

  function opened(file: number): SyncAccessHandle {
    const access = files.get(file);
    if (access) return access;
    throw fault('InvalidStateError', 'the file is closed');
  }

  async function remove(path: readonly string[], depth: number): Promise<undefined> {
    try {
      const parent = await folder(path.slice(0, -1), false);
      const name = path[path.length - 1] ?? '';
      // Throws where a folder is in the file's place, which stays.
      await parent.getFileHandle(name);
      await parent.removeEntry(name);
    } catch (error) {
      const name = nameOf(error);
      if (name === 'TypeMismatchError') return;
      if (name !== 'NotFoundError') throw error;
    }
    await removeEmptyFolders(path, depth);
  }

  async function removeEmptyFolders(path: readonly string[], depth: number): Promise<void> {
    for (let length = path.length - 1; length > depth; length--) {
      try {
        const parent = await folder(path.slice(0, length - 1), false);
        await parent.removeEntry(path[length - 1] ?? '');
      } catch (error) {
        if (nameOf(error) !== 'NotFoundError') return;
      }
    }
  }

  async function isFree(path: readonly string[]): Promise<boolean> {
    try {
      await fileHandle(path, false);
      return false;
    } catch (error) {
      // A folder in its place, or a file in the place of its folder.
      if (nameOf(error) === 'TypeMismatchError') return false;
      if (nameOf(error) === 'NotFoundError') return true;
      throw error;
    }
  }

  async function rename(from: readonly string[], to: readonly string[], depth: number): Promise<undefined> {
    const source = await fileHandle(from, false);
    if (!(await isFree(to))) throw fault('InvalidModificationError', 'something is there already');
    const parent = await folder(to.slice(0, -1), true);
    const name = to[to.length - 1] ?? '';
    if (source.move) await source.move(parent, name);
    else await copyAndRemove(from, source, await fileHandle(to, true), to);
    await removeEmptyFolders(from, depth);
  }

  /** Slow, and it takes the room twice; but what is interrupted leaves the old file whole. */
  async function copyAndRemove(
    from: readonly string[],
    source: SyncFileHandle,
    target: SyncFileHandle,
    to: readonly string[],
  ): Promise<void> {
    const input = await lock(source, 'read-only');
    try {
      const output = await lock(target, 'readwrite');
      try {
        const buffer = new Uint8Array(1 << 20);
        for (let at = 0; ; ) {
          const count = input.read(buffer, { at });
          if (count === 0) break;
          if (output.write(buffer.subarray(0, count), { at }) !== count) {
            throw fault('QuotaExceededError', 'nothing more could be written');
          }
          at += count;
        }
        output.flush();
      } finally {
        output.close();
      }
    } catch (error) {
      await (await folder(to.slice(0, -1), false))
        .removeEntry(to[to.length - 1] ?? '')
        .catch(() => undefined);
      throw error;
    } finally {
      input.close();
    }
    await (await folder(from.slice(0, -1), false)).removeEntry(from[from.length - 1] ?? '');
  }

  async function run(request: OpfsRequest): Promise<OpfsResults[keyof OpfsResults]> {
    switch (request.op) {
      case 'probe': {
        await scope.navigator.storage.getDirectory();
        return (
          typeof FileSystemFileHandle !== 'undefined' &&
          'createSyncAccessHandle' in FileSystemFileHandle.prototype
        );
      }
      case 'open': {
        const handle = await fileHandle(request.path, request.forWriting);
        const access = await lock(handle, request.forWriting ? 'readwrite' : 'read-only');
        files.set(nextFile, access);
        return nextFile++;
      }
      case 'read': {
        const into = new Uint8Array(request.length);
        const count = opened(request.file).read(into, { at: request.offset });
        return count === request.length ? into.buffer : into.buffer.slice(0, count);
      }
      case 'write': {
        const access = opened(request.file);
        const data = new Uint8Array(request.data);
        let done = 0;
        while (done < data.length) {
          const count = access.write(data.subarray(done), { at: request.offset + done });
          if (count === 0) throw fault('QuotaExceededError', 'nothing more could be written');
          done += count;
        }
        return;
      }
      case 'truncate': {
        const access = opened(request.file);
        if (access.getSize() > request.length) access.truncate(request.length);
        return;
      }
      case 'sync':
        opened(request.file).flush();
        return;
      case 'close':
        files.get(request.file)?.close();
        files.delete(request.file);
        return;
      case 'stat': {
        try {
          const handle = await fileHandle(request.path, false);
          const { size } = await handle.getFile();
          // Not the file's `lastModified`: it does not follow what is written through an access handle.
          return { size, modified: 0 };
        } catch (error) {
          const name = nameOf(error);
          if (name === 'NotFoundError' || name === 'TypeMismatchError') return { size: -1, modified: 0 };
          throw error;
        }
      }
      case 'remove':
        return remove(request.path, request.depth);
      case 'rename':
        return rename(request.from, request.to, request.depth);
      case 'free': {
        const { quota, usage } = await scope.navigator.storage.estimate();
        return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
      }
      case 'removeTree': {
        try {
          const parent = await folder(request.path.slice(0, -1), false);
          await parent.removeEntry(request.path[request.path.length - 1] ?? '', { recursive: true });
        } catch (error) {
          if (nameOf(error) !== 'NotFoundError') throw error;
        }
        return;
      }
    }
  }

  scope.onmessage = ({ data }) => {
    run(data).then(
      (result) => scope.postMessage({ id: data.id, result }, result instanceof ArrayBuffer ? [result] : []),
      (error: unknown) =>
        scope.postMessage(
          {
            id: data.id,
            error: { name: nameOf(error), message: error instanceof Error ? error.message : String(error) },
          },
          [],
        ),
    );
  };
}
