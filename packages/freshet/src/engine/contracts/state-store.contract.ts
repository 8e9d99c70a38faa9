/** What every `StateStore` must do. */

import { afterEach, describe, expect, it } from 'vitest';
import type { StateStore } from '../ports.ts';
import { testBytes } from './waiting.contract.ts';

export interface StateStoreFixture {
  readonly store: StateStore;
  /** Another store over the same medium, as after a restart; absent where nothing survives. */
  readonly reopen?: (() => Promise<StateStore>) | undefined;
  dispose(): Promise<void> | void;
}

export function stateStoreContract(name: string, make: () => Promise<StateStoreFixture>): void {
  describe(`StateStore contract: ${name}`, () => {
    let fixture: StateStoreFixture | undefined;
    afterEach(async () => {
      await fixture?.dispose();
      fixture = undefined;
    });
    async function open(): Promise<StateStoreFixture> {
      fixture = await make();
      return fixture;
    }

    /** A plain array, so that a subclass such as Buffer compares equal. */
    async function load(from: StateStore, key: string): Promise<Uint8Array | undefined> {
      const value = await from.load(key);
      return value === undefined ? undefined : new Uint8Array(value);
    }

    it('knows nothing at first', async () => {
      const { store } = await open();
      expect(await load(store, 'nothing')).toBeUndefined();
      await store.remove('nothing');
    });

    it('loads what was saved, replaces it, and removes it', async () => {
      const { store } = await open();
      await store.save('one', testBytes(1000, 1));
      await store.save('two', testBytes(50, 2));
      expect(await load(store, 'one')).toEqual(testBytes(1000, 1));
      await store.save('one', testBytes(20, 3));
      expect(await load(store, 'one')).toEqual(testBytes(20, 3));
      await store.remove('one');
      expect(await load(store, 'one')).toBeUndefined();
      expect(await load(store, 'two')).toEqual(testBytes(50, 2));
    });

    it('tells an empty value from none', async () => {
      const { store } = await open();
      await store.save('empty', new Uint8Array(0));
      expect((await load(store, 'empty'))?.length).toBe(0);
    });

    it('gives and takes copies', async () => {
      const { store } = await open();
      const value = testBytes(100, 4);
      const saved = value.slice();
      await store.save('key', saved);
      saved.fill(0);
      const loaded = await store.load('key');
      expect(new Uint8Array(loaded!)).toEqual(value);
      loaded!.fill(1);
      expect(await load(store, 'key')).toEqual(value);
    });

    it('takes any key as a name of its own', async () => {
      const { store } = await open();
      const keys = ['a/b', 'a\\b', '../up', '.', '..', 'ü', 'with space', 'a.resume', 'CON', 'x'.repeat(100)];
      for (let i = 0; i < keys.length; i++) await store.save(keys[i]!, Uint8Array.of(i));
      for (let i = 0; i < keys.length; i++) expect(await load(store, keys[i]!)).toEqual(Uint8Array.of(i));
    });

    it('ends with the last of several saves at once, never with a mixture', async () => {
      const { store } = await open();
      const values = Array.from({ length: 8 }, (_, i) => new Uint8Array(200_000 - 20_000 * i).fill(i));
      const saves = values.map((value) => store.save('key', value));
      const early = await load(store, 'key');
      if (early !== undefined) expect(new Set(early).size).toBe(1);
      await Promise.all(saves);
      expect(await load(store, 'key')).toEqual(values.at(-1));
    });

    it('survives a restart', async () => {
      const { store, reopen } = await open();
      await store.save('key', testBytes(300, 5));
      const again = reopen === undefined ? store : await reopen();
      expect(await load(again, 'key')).toEqual(testBytes(300, 5));
    });
  });
}
