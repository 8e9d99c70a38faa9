/** Maps and sets that cost next to nothing while they are empty, as most of those of an idle torrent are. */

/** A `Map` whose table exists only once there was something in it. */
export class LazyMap<K, V> implements Map<K, V> {
  #map: Map<K, V> | undefined;

  constructor(entries?: Iterable<readonly [K, V]> | undefined) {
    if (entries !== undefined) for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get [Symbol.toStringTag](): string {
    return 'LazyMap';
  }

  get(key: K): V | undefined {
    return this.#map?.get(key);
  }

  has(key: K): boolean {
    return this.#map?.has(key) ?? false;
  }

  set(key: K, value: V): this {
    this.#map ??= new Map();
    this.#map.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    return this.#map?.delete(key) ?? false;
  }

  clear(): void {
    this.#map?.clear();
    this.#map = undefined;
  }

  forEach(callback: (value: V, key: K, map: Map<K, V>) => void, thisArg?: unknown): void {
    this.#map?.forEach((value, key) => {
      callback.call(thisArg, value, key, this);
    });
  }

  keys(): MapIterator<K> {
    return (this.#map ?? (EMPTY_MAP as Map<K, V>)).keys();
  }

  values(): MapIterator<V> {
    return (this.#map ?? (EMPTY_MAP as Map<K, V>)).values();
  }

  entries(): MapIterator<[K, V]> {
    return (this.#map ?? (EMPTY_MAP as Map<K, V>)).entries();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}

/** A `Set` whose table exists only once there was something in it. */
export class LazySet<T> implements Set<T> {
  #set: Set<T> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  get [Symbol.toStringTag](): string {
    return 'LazySet';
  }

  has(value: T): boolean {
    return this.#set?.has(value) ?? false;
  }

  add(value: T): this {
    this.#set ??= new Set();
    this.#set.add(value);
    return this;
  }

  delete(value: T): boolean {
    return this.#set?.delete(value) ?? false;
  }

  clear(): void {
    this.#set?.clear();
    this.#set = undefined;
  }

  forEach(callback: (value: T, again: T, set: Set<T>) => void, thisArg?: unknown): void {
    this.#set?.forEach((value) => {
      callback.call(thisArg, value, value, this);
    });
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  values(): SetIterator<T> {
    return (this.#set ?? (EMPTY_SET as Set<T>)).values();
  }

  entries(): SetIterator<[T, T]> {
    return (this.#set ?? (EMPTY_SET as Set<T>)).entries();
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }
}

const EMPTY_MAP: Map<unknown, unknown> = new Map();
const EMPTY_SET: Set<unknown> = new Set();
