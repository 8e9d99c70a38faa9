import { formatAddress, type PeerAddress } from '../../protocol/index.ts';

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
}

/** The addresses at which peers of one torrent are said to be, and when each may be tried. */
export class Candidates {
  readonly #all = new Map<string, Candidate>();

  get size(): number {
    return this.#all.size;
  }

  /** Returns whether the address is new. */
  add(address: PeerAddress): boolean {
    const key = formatAddress(address);
    const known = this.#all.get(key);
    if (known !== undefined) return false;
    if (this.#all.size >= MAX_CANDIDATES && !this.#dropWorst()) return false;
    this.#all.set(key, { address, state: 'idle', failures: 0, nextTry: 0, everConnected: false });
    return true;
  }

  /** An address to dial now, marked as connecting. */
  next(now: number): PeerAddress | undefined {
    let best: Candidate | undefined;
    for (const candidate of this.#all.values()) {
      if (candidate.state !== 'idle' || candidate.nextTry > now) continue;
      if (best === undefined || candidate.failures < best.failures) best = candidate;
      if (best.failures === 0) break;
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

  onConnected(address: PeerAddress): void {
    const candidate = this.#all.get(formatAddress(address));
    if (candidate === undefined || candidate.state === 'banned') return;
    candidate.state = 'connected';
    candidate.everConnected = true;
    candidate.failures = 0;
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
