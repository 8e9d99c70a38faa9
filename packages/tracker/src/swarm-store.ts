/** A peer as the store sees it. The two populations of a tracker (WebRTC and address peers) extend it. */
export interface SwarmMember {
  /** Unique inside its swarm: the peer id of a WebRTC peer, `ip:port` of an address peer. */
  readonly key: string;
}

/** Where a member stands; owned by the store, read-only for everybody else. */
interface Slot<M extends SwarmMember> {
  readonly member: M;
  readonly swarm: Swarm<M>;
  /** Position in `swarm.seeds` or `swarm.leeches`. */
  index: number;
  complete: boolean;
  /** Milliseconds of the store's clock at the last announce. */
  announcedAt: number;
  /** Neighbours in the store's list of all members, oldest announce first. */
  older: Slot<M> | undefined;
  newer: Slot<M> | undefined;
}

interface Swarm<M extends SwarmMember> {
  readonly infoHash: string;
  readonly slots: Map<string, Slot<M>>;
  readonly seeds: Slot<M>[];
  readonly leeches: Slot<M>[];
  /** `completed` events since the swarm came to life (BEP 48 calls it `downloaded`). */
  downloaded: number;
}

/** Counts of one swarm, as announce replies and scrapes (BEP 48) carry them. */
export interface SwarmCounts {
  readonly complete: number;
  readonly incomplete: number;
  readonly downloaded: number;
}

export interface SwarmStoreOptions<M extends SwarmMember> {
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds after its last announce at which a member is forgotten. */
  readonly expireAfter: number;
  readonly maxSwarms: number;
  readonly maxPeersPerSwarm: number;
  /** Told of every member that leaves, whatever the reason. */
  readonly onRemove?: ((infoHash: string, member: M) => void) | undefined;
}

export type AddResult = 'added' | 'too many swarms' | 'swarm is full';

const NO_COUNTS: SwarmCounts = { complete: 0, incomplete: 0, downloaded: 0 };

/**
 * Swarms of one population of peers, in memory. A swarm exists as long as it has a member, so hashes that
 * were announced once leave nothing behind. Every operation is O(1), a sample of k peers is O(k), and a
 * sweep costs only what it removes.
 */
export class SwarmStore<M extends SwarmMember> {
  readonly #swarms = new Map<string, Swarm<M>>();
  readonly #options: SwarmStoreOptions<M>;
  #oldest: Slot<M> | undefined;
  #newest: Slot<M> | undefined;
  #peers = 0;
  #seeds = 0;

  constructor(options: SwarmStoreOptions<M>) {
    this.#options = options;
  }

  /** Swarms with at least one member. */
  get swarmCount(): number {
    return this.#swarms.size;
  }

  /** Memberships: a peer in three swarms counts three times. */
  get peerCount(): number {
    return this.#peers;
  }

  /** Memberships that are complete. */
  get seedCount(): number {
    return this.#seeds;
  }

  get(infoHash: string, key: string): M | undefined {
    return this.#swarms.get(infoHash)?.slots.get(key)?.member;
  }

  isComplete(infoHash: string, key: string): boolean {
    return this.#swarms.get(infoHash)?.slots.get(key)?.complete ?? false;
  }

  counts(infoHash: string): SwarmCounts {
    const swarm = this.#swarms.get(infoHash);
    if (swarm === undefined) return NO_COUNTS;
    return {
      complete: swarm.seeds.length,
      incomplete: swarm.leeches.length,
      downloaded: swarm.downloaded,
    };
  }

  /** Info-hashes that have members, oldest first. Walks lazily: take as many as you can afford. */
  infoHashes(): IterableIterator<string> {
    return this.#swarms.keys();
  }

  /** Adds a member that is not in the swarm yet. The caller has asked `get` before. */
  add(infoHash: string, member: M, complete: boolean): AddResult {
    let swarm = this.#swarms.get(infoHash);
    if (swarm === undefined) {
      if (this.#swarms.size >= this.#options.maxSwarms) return 'too many swarms';
      swarm = { infoHash, slots: new Map(), seeds: [], leeches: [], downloaded: 0 };
      this.#swarms.set(infoHash, swarm);
    } else if (swarm.slots.size >= this.#options.maxPeersPerSwarm) {
      return 'swarm is full';
    }
    const slot: Slot<M> = {
      member,
      swarm,
      index: -1,
      complete,
      announcedAt: this.#options.now(),
      older: undefined,
      newer: undefined,
    };
    swarm.slots.set(member.key, slot);
    this.#enter(slot);
    this.#append(slot);
    this.#peers++;
    return 'added';
  }

  /**
   * Notes an announce of a member. `complete` undefined keeps what is known, which is what an update without
   * `left` means.
   */
  touch(infoHash: string, key: string, complete: boolean | undefined): void {
    const slot = this.#swarms.get(infoHash)?.slots.get(key);
    if (slot === undefined) return;
    slot.announcedAt = this.#options.now();
    if (slot !== this.#newest) {
      this.#unlink(slot);
      this.#append(slot);
    }
    if (complete !== undefined && complete !== slot.complete) {
      this.#leave(slot);
      slot.complete = complete;
      this.#enter(slot);
    }
  }

  /** Counts one finished download in a swarm (BEP 48 `downloaded`). */
  countDownload(infoHash: string): void {
    const swarm = this.#swarms.get(infoHash);
    if (swarm !== undefined) swarm.downloaded++;
  }

  remove(infoHash: string, key: string): boolean {
    const slot = this.#swarms.get(infoHash)?.slots.get(key);
    if (slot === undefined) return false;
    this.#removeSlot(slot);
    return true;
  }

  /**
   * Up to `count` different members of a swarm, uniformly at random, never `exceptKey`. A complete peer has
   * no use for another one: with `forSeed` only incomplete members are drawn.
   */
  sample(infoHash: string, count: number, exceptKey: string, forSeed: boolean): M[] {
    const swarm = this.#swarms.get(infoHash);
    if (swarm === undefined || count <= 0) return [];
    const { leeches, seeds } = swarm;
    const total = forSeed ? leeches.length : leeches.length + seeds.length;
    const except = swarm.slots.get(exceptKey);
    // Seen as one row, leeches first; the excepted member changes places with the last one.
    let hole = -1;
    if (except !== undefined && !(forSeed && except.complete)) {
      hole = except.complete ? leeches.length + except.index : except.index;
    }
    const population = hole < 0 ? total : total - 1;
    const wanted = Math.min(count, population);
    const drawn: M[] = [];
    const at = (position: number): void => {
      const index = position === hole ? population : position;
      const slot = index < leeches.length ? leeches[index] : seeds[index - leeches.length];
      if (slot !== undefined) drawn.push(slot.member);
    };
    if (wanted === population) {
      for (let position = 0; position < population; position++) at(position);
      return drawn;
    }
    // Floyd's algorithm: `wanted` distinct positions in as many steps, every subset equally likely.
    const taken = new Set<number>();
    for (let top = population - wanted; top < population; top++) {
      const pick = Math.floor(this.#options.random() * (top + 1));
      const position = taken.has(pick) ? top : pick;
      taken.add(position);
      at(position);
    }
    return drawn;
  }

  /**
   * Forgets members whose last announce is too long ago, oldest first, at most `limit` in one call so that
   * a large wave of departures never stops the server. Returns how many went.
   */
  sweep(limit: number): number {
    const deadline = this.#options.now() - this.#options.expireAfter;
    let removed = 0;
    while (removed < limit && this.#oldest !== undefined && this.#oldest.announcedAt < deadline) {
      this.#removeSlot(this.#oldest);
      removed++;
    }
    return removed;
  }

  #removeSlot(slot: Slot<M>): void {
    const { swarm } = slot;
    swarm.slots.delete(slot.member.key);
    this.#leave(slot);
    this.#unlink(slot);
    this.#peers--;
    if (swarm.slots.size === 0) this.#swarms.delete(swarm.infoHash);
    this.#options.onRemove?.(swarm.infoHash, slot.member);
  }

  #enter(slot: Slot<M>): void {
    const row = slot.complete ? slot.swarm.seeds : slot.swarm.leeches;
    slot.index = row.length;
    row.push(slot);
    if (slot.complete) this.#seeds++;
  }

  /** Swap-remove: the last of the row takes the free place. */
  #leave(slot: Slot<M>): void {
    const row = slot.complete ? slot.swarm.seeds : slot.swarm.leeches;
    const last = row.pop();
    if (last !== undefined && last !== slot) {
      row[slot.index] = last;
      last.index = slot.index;
    }
    if (slot.complete) this.#seeds--;
  }

  #append(slot: Slot<M>): void {
    slot.older = this.#newest;
    slot.newer = undefined;
    if (this.#newest === undefined) this.#oldest = slot;
    else this.#newest.newer = slot;
    this.#newest = slot;
  }

  #unlink(slot: Slot<M>): void {
    if (slot.older === undefined) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === undefined) this.#newest = slot.older;
    else slot.newer.older = slot.older;
    slot.older = undefined;
    slot.newer = undefined;
  }
}
