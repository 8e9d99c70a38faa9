import type { FileFingerprint } from '../ports.ts';
import type { FileStore, StoredFile } from './file-store.ts';

/** A file store that can be replaced by another one, file by file, while it is in use. */
export class SwitchedStore implements FileStore {
  #store: FileStore;
  /** While files move one by one: where to, and the ones that are there already. */
  #next: { readonly store: FileStore; readonly moved: Set<string> } | undefined;

  constructor(store: FileStore) {
    this.#store = store;
  }

  /** Where the files are, apart from those that have moved. */
  get current(): FileStore {
    return this.#store;
  }

  /** Files may be in `store` from now on. */
  begin(store: FileStore): void {
    this.#next = { store, moved: new Set() };
  }

  hasMoved(path: readonly string[]): boolean {
    return this.#next?.moved.has(path.join('/')) ?? false;
  }

  moved(path: readonly string[], there: boolean): void {
    if (there) this.#next?.moved.add(path.join('/'));
    else this.#next?.moved.delete(path.join('/'));
  }

  /** The move is over; `store` has everything. */
  end(store: FileStore): void {
    this.#store = store;
    this.#next = undefined;
  }

  open(path: readonly string[], forWriting: boolean): Promise<StoredFile> {
    return this.#of(path).open(path, forWriting);
  }

  stat(path: readonly string[]): Promise<FileFingerprint> {
    return this.#of(path).stat(path);
  }

  remove(path: readonly string[]): Promise<void> {
    return this.#of(path).remove(path);
  }

  label(path: readonly string[]): string {
    return this.#of(path).label(path);
  }

  #of(path: readonly string[]): FileStore {
    return this.#next !== undefined && this.hasMoved(path) ? this.#next.store : this.#store;
  }
}
