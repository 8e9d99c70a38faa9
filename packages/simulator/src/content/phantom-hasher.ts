import type { Hasher, PrefixHash } from 'freshet/engine';
import { MemoryHasher } from 'freshet/memory';
import type { PhantomBytes } from './phantom-bytes.ts';

/** Hashes views of phantom bytes once only; whatever else it is given, as everybody does. */
export class PhantomHasher implements Hasher {
  readonly #bytes: PhantomBytes;
  readonly #real: MemoryHasher = new MemoryHasher();
  readonly #sha1 = new Map<string, Uint8Array>();
  readonly #sha256 = new Map<string, Uint8Array>();

  constructor(bytes: PhantomBytes) {
    this.#bytes = bytes;
  }

  prefixSha1(buffer: Uint8Array): PrefixHash {
    const key = this.#key(buffer);
    if (key === undefined) return this.#real.prefixSha1(buffer);
    return {
      advance: () => {},
      finish: (done) => {
        let digest = this.#sha1.get(key);
        if (digest === undefined) {
          this.#real.prefixSha1(buffer).finish((made) => {
            digest = made;
          });
          this.#sha1.set(key, digest!);
        }
        done(digest!.slice());
      },
    };
  }

  sha1(data: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve) => this.prefixSha1(data).finish(resolve));
  }

  sha256(data: Uint8Array, done: (digest: Uint8Array) => void): void {
    const key = this.#key(data);
    const known = key === undefined ? undefined : this.#sha256.get(key);
    if (known !== undefined) done(known.slice());
    else {
      this.#real.sha256(data, (digest) => {
        if (key !== undefined) this.#sha256.set(key, digest.slice());
        done(digest);
      });
    }
  }

  /** The same for all views of the same bytes. */
  #key(data: Uint8Array): string | undefined {
    const origin = this.#bytes.origin(data);
    return origin === undefined ? undefined : `${origin} ${data.length}`;
  }
}
