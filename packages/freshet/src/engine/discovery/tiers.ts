import type { Random } from '../ports.ts';

/** Trackers in tiers, in the order in which they are to be tried (BEP 12). */
export class Tiers<T> {
  /** By tier number, ascending; none is empty. */
  #tiers: { readonly number: number; readonly members: T[] }[] = [];

  /** Puts `member` at the end of its tier. Tiers need not be numbered without gaps. */
  add(member: T, number: number): void {
    const tier = this.#tiers.find((other) => other.number === number);
    if (tier !== undefined) {
      tier.members.push(member);
      return;
    }
    this.#tiers = [...this.#tiers, { number, members: [member] }].sort((a, b) => a.number - b.number);
  }

  /** Puts each tier in random order, so that a swarm's load spreads. Done once, before the first announce. */
  shuffle(random: Random): void {
    for (const { members } of this.#tiers) {
      for (let i = members.length - 1; i > 0; i--) {
        const j = random.below(i + 1);
        const other = members[j]!;
        members[j] = members[i]!;
        members[i] = other;
      }
    }
  }

  /** Moves a tracker that works to the front of its tier. */
  promote(member: T): void {
    for (const { members } of this.#tiers) {
      const at = members.indexOf(member);
      if (at < 0) continue;
      if (at === 0) return;
      members.splice(at, 1);
      members.unshift(member);
      return;
    }
  }

  /** All members, first tier first. */
  *[Symbol.iterator](): Iterator<T> {
    for (const { members } of this.#tiers) yield* members;
  }
}
