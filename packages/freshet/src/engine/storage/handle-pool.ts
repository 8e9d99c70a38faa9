/** Open files of one torrent: at most so many at a time, the ones used last, and one handle for each file. */

import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';
import type { FileStore, StoredFile } from './file-store.ts';
import { inTurns } from './in-turns.ts';

interface Entry {
  readonly index: number;
  readonly forWriting: boolean;
  readonly file: Promise<StoredFile>;
  users: number;
  /** Set while somebody waits for the last user to leave. */
  onIdle: (() => void) | undefined;
}

export class HandlePool {
  readonly #store: FileStore;
  readonly #pathOf: (index: number) => readonly string[];
  readonly #max: number;
  /** In the order of their last use. */
  readonly #entries = new LazyMap<number, Entry>();
  readonly #closing = new LazyMap<number, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #onOpened: ((index: number, file: StoredFile) => void) | undefined;
  /** Files written to since they were last made durable; they may be closed already. */
  readonly #dirty = new LazySet<number>();
  #closeFailure: { readonly error: unknown } | undefined;

  /** @param onOpened is told of each file that was opened. */
  constructor(
    store: FileStore,
    pathOf: (index: number) => readonly string[],
    max: number,
    onOpened?: (index: number, file: StoredFile) => void,
  ) {
    this.#store = store;
    this.#onOpened = onOpened;
    this.#pathOf = pathOf;
    this.#max = Math.max(1, max);
  }

  /** Opens the file for reading if it is not open, and keeps it open at least until `action` has ended. */
  read<T>(index: number, action: (file: StoredFile) => Promise<T>): Promise<T> {
    return this.#use(index, false, action);
  }

  /** The same for writing; the file is created if it is missing. */
  async write<T>(index: number, action: (file: StoredFile) => Promise<T>): Promise<T> {
    try {
      return await this.#use(index, true, action);
    } finally {
      // Not before: a `sync` in the meantime would not have covered it.
      this.#dirty.add(index);
    }
  }

  async #use<T>(index: number, forWriting: boolean, action: (file: StoredFile) => Promise<T>): Promise<T> {
    const entry = this.#available(index, forWriting) ?? (await this.#wait(index, forWriting));
    try {
      return await action(await entry.file);
    } finally {
      if (--entry.users === 0) {
        entry.onIdle?.();
        this.#wake();
      }
    }
  }

  /** Makes what was written to one file durable, or to all. */
  async sync(only?: number): Promise<void> {
    const indexes = only === undefined ? [...this.#dirty] : this.#dirty.has(only) ? [only] : [];
    // Side by side: file systems make many files durable in one go.
    await inTurns(indexes, async (index) => {
      try {
        this.#dirty.delete(index);
        await this.#use(index, true, async (file) => file.sync?.());
      } catch (error) {
        this.#dirty.add(index);
        throw error;
      }
    });
    this.#throwCloseFailure();
  }

  /** Closes one file so that it can be removed. What was written to it need not become durable. */
  async release(index: number): Promise<void> {
    const entry = this.#entries.get(index);
    if (entry !== undefined) await this.#retire(entry);
    else await this.#closing.get(index);
    this.#dirty.delete(index);
  }

  /** Closes one file because it gets another name, or all. What was written to it is still to become durable. */
  async detach(only?: number): Promise<void> {
    const indexes = only === undefined ? [...this.#entries.keys(), ...this.#closing.keys()] : [only];
    await Promise.all(
      indexes.map(async (index) => {
        const entry = this.#entries.get(index);
        if (entry !== undefined) await this.#retire(entry);
        else await this.#closing.get(index);
      }),
    );
  }

  /** Closes all files once their users have left. */
  async close(): Promise<void> {
    await Promise.all([
      ...[...this.#entries.values()].map((entry) => this.#retire(entry)),
      ...this.#closing.values(),
    ]);
    this.#throwCloseFailure();
  }

  #throwCloseFailure(): void {
    const failure = this.#closeFailure;
    this.#closeFailure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  async #wait(index: number, forWriting: boolean): Promise<Entry> {
    for (;;) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const entry = this.#available(index, forWriting);
      if (entry !== undefined) return entry;
    }
  }

  /** An entry with one more user; `undefined` when all handles are in use. */
  #available(index: number, forWriting: boolean): Entry | undefined {
    const found = this.#entries.get(index);
    let entry = found;
    if (entry === undefined && this.#entries.size >= this.#max) {
      const idle = this.#leastRecentlyUsed();
      if (idle === undefined) return undefined;
      entry = this.#open(index, forWriting, this.#retire(idle));
    } else if (entry === undefined) {
      entry = this.#open(index, forWriting, undefined);
    } else if (forWriting && !entry.forWriting) {
      entry = this.#open(index, true, this.#retire(entry));
    } else {
      this.#entries.delete(index);
      this.#entries.set(index, entry);
    }
    entry.users++;
    return entry;
  }

  #leastRecentlyUsed(): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry.users === 0) return entry;
    return undefined;
  }

  #open(index: number, forWriting: boolean, first: Promise<void> | undefined): Entry {
    const earlier = this.#closing.get(index);
    const open = async (): Promise<StoredFile> => {
      await first;
      await earlier;
      const file = await this.#store.open(this.#pathOf(index), forWriting);
      this.#onOpened?.(index, file);
      return file;
    };
    const entry: Entry = { index, forWriting, file: open(), users: 0, onIdle: undefined };
    this.#entries.set(index, entry);
    // Its users see the error themselves.
    entry.file.catch(() => {
      if (this.#entries.get(index) === entry) this.#entries.delete(index);
      this.#wake();
    });
    return entry;
  }

  /** Takes the entry out and closes its file when nobody uses it any more. Never rejects. */
  #retire(entry: Entry): Promise<void> {
    this.#entries.delete(entry.index);
    const closed = this.#closeWhenIdle(entry, this.#closing.get(entry.index)).then(() => {
      if (this.#closing.get(entry.index) === closed) this.#closing.delete(entry.index);
    });
    this.#closing.set(entry.index, closed);
    return closed;
  }

  async #closeWhenIdle(entry: Entry, earlier: Promise<void> | undefined): Promise<void> {
    await earlier;
    if (entry.users > 0) {
      await new Promise<void>((resolve) => {
        entry.onIdle = resolve;
      });
    }
    const file = await entry.file.catch(() => undefined);
    try {
      await file?.close();
    } catch (error) {
      // A close that fails can mean lost bytes: whoever asks for durability must know.
      this.#closeFailure ??= { error };
    }
    this.#wake();
  }

  #wake(): void {
    this.#waiting.shift()?.();
  }
}
