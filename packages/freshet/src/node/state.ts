import { createHash } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { StateStore } from '../engine/ports.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import { diskError } from './disk-error.ts';
import { makeFolder } from './make-folder.ts';
import { errorCode } from './system-error.ts';

/** Longest name that is spelled out; file systems take 255 bytes. */
const MAX_NAME = 200;

/** Each value in a file of its own below one folder. */
export class NodeStateStore implements StateStore {
  readonly #folder: string;
  /** The last operation on each key that is still running. */
  readonly #running = new LazyMap<string, Promise<void>>();

  /** `folder` is created with the first value. */
  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  async load(key: string): Promise<Uint8Array | undefined> {
    const path = this.#path(key);
    try {
      return new Uint8Array(await readFile(path));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw diskError(error, path, 'read');
    }
  }

  save(key: string, value: Uint8Array): Promise<void> {
    const copy = value.slice();
    return this.#inTurn(key, (path) => this.#replace(path, copy));
  }

  remove(key: string): Promise<void> {
    return this.#inTurn(key, async (path) => {
      try {
        await unlink(path);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw diskError(error, path, 'write');
      }
    });
  }

  /** The new value is complete on the medium before it takes the old one's name. */
  async #replace(path: string, value: Uint8Array): Promise<void> {
    const draft = `${path}.${process.pid}.tmp`;
    try {
      await makeFolder(this.#folder);
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(value);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
    } catch (error) {
      await unlink(draft).catch(() => {});
      throw diskError(error, path, 'write');
    }
    await this.#syncFolder();
  }

  /** Makes the new name durable. Windows cannot open folders; there the file's own sync has to do. */
  async #syncFolder(): Promise<void> {
    try {
      const folder = await open(this.#folder, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    } catch {
      // The value is safe; after a crash the old one may be found instead, which the contract allows.
    }
  }

  #inTurn(key: string, action: (path: string) => Promise<void>): Promise<void> {
    const path = this.#path(key);
    const before = this.#running.get(path) ?? Promise.resolve();
    // An operation that failed has told its own caller.
    const mine = before.catch(() => {}).then(() => action(path));
    this.#running.set(path, mine);
    const clear = (): void => {
      if (this.#running.get(path) === mine) this.#running.delete(path);
    };
    mine.then(clear, clear);
    return mine;
  }

  /**
   * Capitals are escaped for file systems that do not tell them apart, and the prefix keeps names such as CON
   * and dot files away.
   */
  #path(key: string): string {
    let name = 'v-';
    for (const byte of Buffer.from(key, 'utf8')) {
      const char = String.fromCharCode(byte);
      name += /[a-z0-9_-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`;
    }
    if (name.length > MAX_NAME) name = `h-${createHash('sha1').update(key).digest('hex')}`;
    return join(this.#folder, name);
  }
}
