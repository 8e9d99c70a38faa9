import { sampleTorrent } from 'freshet/memory';
import { type Content, realContent } from '../content.ts';
import { type TrackerHost, trackerHost } from '../servers/tracker-host.ts';
import { type Peer, type PeerOptions, World } from '../world.ts';

/** Browsers over a WebSocket tracker and WebRTC, or nodes over an HTTP tracker and TCP. */
export type SwarmKind = 'ws' | 'http';

export const SWARM_KINDS: readonly SwarmKind[] = ['ws', 'http'];

/** Seconds between announces that the trackers here ask for. */
export const INTERVAL = 120;

/** All of it real, so that a wrong byte would be found: 20 pieces of 32 KiB. */
export const content: Content = realContent(await sampleTorrent(640_000, 32_768));

const allPieces = [...Array(content.info.pieceCount).keys()];

/** A small swarm that has nothing but its trackers to find itself. */
export class TrackerSwarm {
  readonly kind: SwarmKind;
  readonly world: World;
  readonly trackers: readonly TrackerHost[];
  /** One that no peer knows of to begin with. */
  readonly backup: TrackerHost;
  readonly #tiers: readonly (readonly string[])[];

  /** @param tiers how many trackers there are in each tier (BEP 12). */
  constructor(kind: SwarmKind, seed: number, tiers: readonly number[] = [1]) {
    this.kind = kind;
    this.world = new World({ seed });
    const host = (): TrackerHost =>
      trackerHost(this.world, { transports: [kind], core: { interval: INTERVAL } });
    const rows = tiers.map((count) => Array.from({ length: count }, host));
    this.backup = host();
    this.trackers = rows.flat();
    this.#tiers = rows.map((row) => row.map((tracker) => tracker.urls[kind]));
  }

  /** The only one, or the first. */
  get tracker(): TrackerHost {
    return this.trackers[0]!;
  }

  get now(): number {
    return this.world.clock.now();
  }

  /** Adds a peer that downloads with at most `rate` bytes per second. */
  join(options: Omit<PeerOptions, 'content'> & { readonly rate?: number | undefined } = {}): Peer {
    return this.world.peer({
      content,
      kind: this.kind === 'ws' ? 'browser' : 'node',
      line: { down: options.rate ?? 10_000_000 },
      spec: { trackers: this.#tiers },
      ...options,
    });
  }

  /** Lets so many milliseconds pass. */
  pass(milliseconds: number): Promise<boolean> {
    return this.world.run({ limit: milliseconds });
  }

  /** How many milliseconds it takes until this holds; throws when that is more than `limit`. */
  async until(what: string, holds: () => boolean, limit: number): Promise<number> {
    const begin = this.now;
    if (await this.world.run({ until: holds, limit })) return this.now - begin;
    throw new Error(`Not within ${limit / 1000} s (seed ${this.world.seed}, ${this.kind}): ${what}.`);
  }

  /** Until all of these have downloaded everything, and have the right bytes. */
  async untilDone(peers: readonly Peer[], limit: number): Promise<number> {
    const all = (): boolean => peers.every(({ log }) => log.doneAt !== undefined);
    const took = await this.until('all have finished', all, limit);
    for (const { disk, log } of peers) {
      if (!(await content.isRight(disk, allPieces))) throw new Error('A verified byte is wrong.');
      if (log.errors.length > 0) throw log.errors[0]!;
    }
    return took;
  }

  /** Until a tracker has so many peers in its list. */
  untilKnown(peers: number, limit: number, tracker: TrackerHost = this.tracker): Promise<number> {
    return this.until(`the tracker knows ${peers}`, () => tracker.core.stats().peers === peers, limit);
  }
}

export function warningsOf({ log }: Peer): string[] {
  return log.warnings.map(({ message }) => message);
}
