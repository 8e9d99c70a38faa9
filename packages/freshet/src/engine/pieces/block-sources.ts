import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { BlockSource } from './block-source.ts';

/** Most sources that are gone and kept in mind. */
const MAX_DEPARTED = 256;

/**
 * Whom blocks are asked of, and who is gone but has sent what may still turn out to be wrong: whoever leaves in time and
 * comes back is banned all the same.
 */
export class BlockSources {
  readonly #present = new LazyMap<number, BlockSource>();
  readonly #departed = new LazyMap<number, BlockSource>();
  readonly #owes: (source: number) => boolean;

  /** @param owes whether the source sent blocks that are not verified, or of a copy that was wrong. */
  constructor(owes: (source: number) => boolean) {
    this.#owes = owes;
  }

  add(source: BlockSource): void {
    this.#present.set(source.id, source);
  }

  remove(source: BlockSource): void {
    this.#present.delete(source.id);
    if (!this.#owes(source.id)) return;
    this.#departed.set(source.id, source);
    for (const id of this.#departed.keys()) {
      if (this.#departed.size <= MAX_DEPARTED && this.#owes(id)) break;
      this.#departed.delete(id);
    }
  }

  get(id: number): BlockSource | undefined {
    return this.#present.get(id);
  }

  /** Those that are here. */
  values(): Iterable<BlockSource> {
    return this.#present.values();
  }

  /** Bans the source, here or gone. */
  ban(id: number, reason: string): void {
    const source = this.#present.get(id) ?? this.#departed.get(id);
    this.#departed.delete(id);
    source?.ban(reason);
  }

  /** Nobody answers for anything any more. */
  close(): void {
    this.#departed.clear();
  }
}
