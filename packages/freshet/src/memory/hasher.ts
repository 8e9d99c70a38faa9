/** SHA-1 and SHA-256 on the spot: `done` is called from within the call, so a run has one order only. */

import type { Hasher, PrefixHash } from '../engine/ports.ts';
import { sha256 } from '../protocol/sha256.ts';
import { Sha1 } from './sha1.ts';

class MemoryPrefixHash implements PrefixHash {
  readonly #buffer: Uint8Array;
  readonly #sha1: Sha1 = new Sha1();
  #hashed = 0;

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
  }

  advance(end: number): void {
    if (end <= this.#hashed) return;
    this.#sha1.update(this.#buffer.subarray(this.#hashed, end));
    this.#hashed = end;
  }

  finish(done: (digest: Uint8Array) => void): void {
    this.advance(this.#buffer.length);
    done(this.#sha1.digest());
  }
}

export class MemoryHasher implements Hasher {
  prefixSha1(buffer: Uint8Array): PrefixHash {
    return new MemoryPrefixHash(buffer);
  }

  async sha1(data: Uint8Array): Promise<Uint8Array> {
    const sha1 = new Sha1();
    sha1.update(data);
    return sha1.digest();
  }

  sha256(data: Uint8Array, done: (digest: Uint8Array) => void): void {
    done(sha256(data));
  }
}
