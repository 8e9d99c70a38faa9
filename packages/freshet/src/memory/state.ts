/** Named values that live as long as the object. */

import type { StateStore } from '../engine/ports.ts';

export class MemoryState implements StateStore {
  readonly #values = new Map<string, Uint8Array>();

  async load(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key)?.slice();
  }

  async save(key: string, value: Uint8Array): Promise<void> {
    this.#values.set(key, value.slice());
  }

  async remove(key: string): Promise<void> {
    this.#values.delete(key);
  }

  /** Names of what is stored, for assertions. */
  keys(): string[] {
    return [...this.#values.keys()];
  }
}
