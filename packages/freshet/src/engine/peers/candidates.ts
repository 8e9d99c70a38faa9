import { formatAddress, type PeerAddress } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { SwarmKind } from '../swarm-hashes.ts';

/** Addresses kept per torrent; beyond that a new one takes the place of one that has failed. */
const MAX_CANDIDATES = 2000;
/** First wait after a failure, in milliseconds; doubles with each. */
const RETRY_DELAY = 30_000;
const MAX_RETRY_DELAY = 30 * 60_000;
/** An address that has never worked is dropped after this many failures. */
const MAX_FAILURES = 4;

interface Candidate {
  readonly address: PeerAddress;
  state: 'idle' | 'connecting' | 'connected' | 'banned';
  failures: number;
  nextTry: number;
  everConnected: boolean;
  /** How well it suits us (BEP 40); `undefined` while it is not known. */
  rank: number | undefined;
  /** Where it was found, or what it was connected by. */
  swarm: SwarmKind | undefined;
  /** It said nothing to the hash of that swarm: the other one's is tried. */
  other: boolean;
}

/** The addresses at which peers of one torrent are said to be, and when each may be tried. */
export class Candidates {
  readonly #all = new LazyMap<string, Candidate>();

  get size(): number {
    return this.#all.size;
  }

  /** Returns whether the address is new. @param swarm where it was found, if that is known. */
  add(address: PeerAddress, swarm?: SwarmKind): boolean {
    const key = formatAddress(address);
    const known = this.#all.get(key);
    if (known !== undefined) {
      // In both swarms it speaks both protocols.
      if (swarm === 'v2' && !known.everConnected) known.swarm = swarm;
      return false;
    }
    if (this.#all.size >= MAX_CANDIDATES && !this.#dropWorst()) return false;
    const fresh = { state: 'idle', failures: 0, nextTry: 0, everConnected: false, rank: undefined } as const;
    this.#all.set(key, { ...fresh, address, swarm, other: false });
    return true;
  }

  /** By the hash of which swarm to speak to the peer there; `undefined` when nothing tells. */
  swarmOf(address: PeerAddress): SwarmKind | undefined {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate?.other !== true) return candidate?.swarm;
    return candidate.swarm === 'v2' ? 'v1' : 'v2';
  }

  /**
   * The peer ended the connection when it heard the hash of one swarm: the other's is to be tried, at once. Returns
   * `false` when that was it already.
   */
  tryOther(address: PeerAddress): boolean {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate?.state !== 'connecting') return false;
    candidate.other = !candidate.other;
    if (candidate.other) candidate.state = 'idle';
    return candidate.other;
  }

  /**
   * An address to dial now, marked as connecting: of those with the fewest failures the one that suits us best.
   * @param rank an address's priority (BEP 40), the greater the better.
   */
  next(now: number, rank?: (address: PeerAddress) => number | undefined): PeerAddress | undefined {
    let best: Candidate | undefined;
    for (const candidate of this.#all.values()) {
      if (candidate.state !== 'idle' || candidate.nextTry > now) continue;
      if (rank !== undefined) candidate.rank ??= rank(candidate.address) ?? 0;
      const failures = candidate.failures - (best?.failures ?? Number.POSITIVE_INFINITY);
      if (failures < 0 || (failures === 0 && (candidate.rank ?? 0) > (best?.rank ?? 0))) best = candidate;
    }
    if (best === undefined) return undefined;
    best.state = 'connecting';
    return best.address;
  }

  /** When the next address may be tried, in clock milliseconds; infinite when there is none. */
  nextTryAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const candidate of this.#all.values()) {
      if (candidate.state === 'idle' && candidate.nextTry < at) at = candidate.nextTry;
    }
    return at;
  }

  isBanned(address: PeerAddress): boolean {
    return this.#all.get(formatAddress(address))?.state === 'banned';
  }

  /** @param swarm what it speaks. */
  onConnected(address: PeerAddress, swarm?: SwarmKind): void {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate === undefined || candidate.state === 'banned') return;
    candidate.state = 'connected';
    candidate.swarm = swarm ?? candidate.swarm;
    candidate.other = false;
    candidate.everConnected = true;
    candidate.failures = 0;
  }

  /** We are known by another address: what suits us is another matter. */
  rankAnew(): void {
    for (const candidate of this.#all.values()) candidate.rank = undefined;
  }

  /** Neither side has anything for the other: it is left alone for long, or until `retryUseful`. */
  onUseless(address: PeerAddress, now: number): void {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate === undefined || candidate.state === 'banned') return;
    candidate.state = 'idle';
    candidate.failures = 0;
    candidate.nextTry = now + MAX_RETRY_DELAY;
  }

  /** @param useful whether the connection got as far as exchanging messages. */
  onClosed(address: PeerAddress, useful: boolean, now: number): void {
    const key = formatAddress(address);
    const candidate = this.#all.get(key);
    if (candidate === undefined || candidate.state === 'banned') return;
    candidate.state = 'idle';
    if (useful) candidate.failures = 0;
    candidate.failures++;
    if (candidate.failures > MAX_FAILURES && !candidate.everConnected) {
      this.#all.delete(key);
      return;
    }
    candidate.nextTry = now + Math.min(MAX_RETRY_DELAY, RETRY_DELAY * 2 ** (candidate.failures - 1));
  }

  /** Has an address called at once to which there is a connection, by the hash of another swarm. */
  callAgain(address: PeerAddress, swarm: SwarmKind): void {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate?.state !== 'connected') return;
    Object.assign(candidate, { state: 'idle', nextTry: 0, swarm, other: false });
  }

  /** An attempt was given up for reasons of ours. */
  onCancelled(address: PeerAddress): void {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate?.state === 'connecting') candidate.state = 'idle';
  }

  ban(address: PeerAddress): void {
    this.add(address);
    const candidate = this.#all.get(formatAddress(address));
    if (candidate !== undefined) candidate.state = 'banned';
  }

  /** Lets addresses at which somebody was found be tried at once. */
  retryUseful(): void {
    for (const candidate of this.#all.values()) {
      if (candidate.state === 'idle' && candidate.everConnected) candidate.nextTry = 0;
    }
  }

  /** Lets every address be tried at once, as after the network came back. */
  retryAll(): void {
    for (const candidate of this.#all.values()) {
      if (candidate.state === 'idle') candidate.nextTry = 0;
    }
  }

  /** Makes room for a new address at the cost of one that has failed. Returns whether there was one. */
  #dropWorst(): boolean {
    let worst: string | undefined;
    let failures = 0;
    for (const [key, candidate] of this.#all) {
      if (candidate.state !== 'idle' || candidate.failures <= failures) continue;
      worst = key;
      failures = candidate.failures;
    }
    return worst !== undefined && this.#all.delete(worst);
  }
}
