/** SHA-1 and SHA-256 by WebCrypto, off this thread. */

import type { Hasher, PrefixHash } from '../engine/ports.ts';
import { MemoryHasher } from '../memory/hasher.ts';

/**
 * One digest for each complete piece; several are on their way at a time, which is faster (1.1 to 2.0 GB/s) than any
 * incremental hash on a page (0.7 GB/s), and costs the page's thread a copy only.
 */
class WebCryptoHasher implements Hasher {
  readonly #subtle: SubtleCrypto;
  readonly #fallback = new MemoryHasher();

  constructor(subtle: SubtleCrypto) {
    this.#subtle = subtle;
  }

  prefixSha1(buffer: Uint8Array): PrefixHash {
    return {
      advance: () => {},
      finish: (done) => void this.sha1(buffer).then(done),
    };
  }

  async sha1(data: Uint8Array): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.#subtle.digest('SHA-1', data as Uint8Array<ArrayBuffer>));
    } catch {
      // Shared memory is refused, and so is a copy that does not fit.
      return this.#fallback.sha1(data);
    }
  }

  sha256(data: Uint8Array, done: (digest: Uint8Array) => void): void {
    const onSpot = (): void => this.#fallback.sha256(data, done);
    try {
      // The two callbacks beside each other, so that an error of `done` is not taken for one of the digest.
      this.#subtle
        .digest('SHA-256', data as Uint8Array<ArrayBuffer>)
        .then((digest) => done(new Uint8Array(digest)), onSpot);
    } catch {
      onSpot();
    }
  }
}

/** WebCrypto exists on https: and localhost only; elsewhere the hash advances with the download, on this thread. */
export function createBrowserHasher(): Hasher {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  return subtle ? new WebCryptoHasher(subtle) : new MemoryHasher();
}
