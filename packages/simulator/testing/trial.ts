/** A swarm of honest peers for tests, with whoever else the test adds, watched second by second. */

import { expect } from 'vitest';
import type { Content } from '../src/content.ts';
import type { LineOptions } from '../src/network/network.ts';
import { withTestReplay } from '../src/replay.ts';
import { type Peer, type PeerOptions, World } from '../src/world.ts';

export interface TrialOptions {
  readonly seed: number;
  readonly content: Content;
  readonly seeds: number;
  readonly leeches: number;
  readonly seedLine?: LineOptions | undefined;
  readonly line?: LineOptions | undefined;
  /** Of all honest peers. */
  readonly engine?: PeerOptions['engine'];
  /** Other honest peers that each one is told of. Default 8. */
  readonly acquaintances?: number | undefined;
  readonly leech?: Partial<PeerOptions> | undefined;
}

const KB = 1000;
const MiB = 1024 * 1024;
/** The engine's default budget for pieces in progress. */
export const PIECE_MEMORY: number = 64 * MiB;

export class Trial {
  readonly world: World;
  readonly seeds: Peer[] = [];
  readonly leeches: Peer[] = [];
  readonly content: Content;
  /** The most that any honest engine held at a full second. */
  mostMemory = 0;
  mostConnections = 0;
  /** Longest upload queue, in requests, and the most bytes that waited in one link. */
  longestQueue = 0;
  largestBacklog = 0;
  readonly #options: TrialOptions;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.content = options.content;
    this.world = new World({ seed: options.seed });
    const { content, engine } = options;
    for (let i = 0; i < options.seeds; i++) {
      const line = options.seedLine ?? { up: 400 * KB, down: 400 * KB, latencyMs: 20 };
      this.seeds.push(this.world.peer({ content, seed: true, engine, line }));
    }
    for (let i = 0; i < options.leeches; i++) {
      const line = options.line ?? { up: 100 * KB, down: 400 * KB, latencyMs: 20 };
      this.leeches.push(this.world.peer({ content, engine, line, ...options.leech }));
    }
    const random = this.world.random('acquaintances');
    const honest = this.honest;
    for (const [i, leech] of this.leeches.entries()) {
      const known = this.seeds.length + i;
      for (let n = 0; n < Math.min(known, options.acquaintances ?? 8); n++) {
        this.world.introduce(leech, honest[random.below(known)]!);
      }
    }
    this.#watch();
  }

  get honest(): Peer[] {
    return [...this.seeds, ...this.leeches];
  }

  /** So many of the leeches, by chance: the same ones for the same purpose. */
  some(count: number, purpose: string): Peer[] {
    const random = this.world.random(purpose);
    const rest = [...this.leeches];
    const chosen: Peer[] = [];
    while (chosen.length < count && rest.length > 0) {
      chosen.push(rest.splice(random.below(rest.length), 1)[0]!);
    }
    return chosen;
  }

  /** Runs until all of them are done, by default all leeches; returns when each was, in seconds. */
  async finish(limitSeconds: number, whom: readonly Peer[] = this.leeches): Promise<number[]> {
    const until = (): boolean => whom.every(({ log }) => log.doneAt !== undefined);
    const finished = await this.world.run({ until, limit: limitSeconds * 1000 });
    const late = whom.filter(({ log }) => log.doneAt === undefined);
    expect(late.map(({ host, torrent }) => [host.address, torrent.stats()])).toEqual([]);
    expect(finished).toBe(true);
    const all = [...Array(this.content.info.pieceCount).keys()];
    for (const { disk } of whom) expect(await this.content.isRight(disk, all)).toBe(true);
    return whom.map(({ log }) => log.doneAt! / 1000);
  }

  /** Hosts that honest peers have banned, with how many did. */
  banned(): Map<string, number> {
    const hosts = new Map<string, number>();
    for (const { log } of this.honest) {
      for (const host of new Set(log.bans.map((ban) => ban.host)))
        hosts.set(host, (hosts.get(host) ?? 0) + 1);
    }
    return hosts;
  }

  /** Reasons for which honest peers were banned by honest ones. */
  wrongfulBans(): string[] {
    const honest = new Set(this.honest.map(({ host }) => host.address));
    return this.honest.flatMap(({ host, log }) =>
      log.bans
        .filter((ban) => honest.has(ban.host))
        .map((ban) => `${host.address} banned ${ban.host}: ${ban.reason}`),
    );
  }

  get wasted(): number {
    return this.leeches.reduce((sum, { torrent }) => sum + torrent.stats().wasted, 0);
  }

  /** Nobody used more than the budgets, or was blamed for what others did. */
  async end(): Promise<void> {
    const max = this.#options.engine?.maxConnections ?? 200;
    expect(this.mostMemory).toBeLessThanOrEqual(this.#options.engine?.bufferBudget ?? PIECE_MEMORY);
    expect(this.mostConnections).toBeLessThanOrEqual(max);
    expect(this.wrongfulBans()).toEqual([]);
    await this.world.close();
  }

  #watch(): void {
    this.world.clock.setTimer(1000, () => {
      for (const { engine, torrent } of this.honest) {
        const { pieceMemory, connections, dialing } = engine.usage;
        this.mostMemory = Math.max(this.mostMemory, pieceMemory);
        this.mostConnections = Math.max(this.mostConnections, connections + dialing);
        for (const peer of torrent.swarm.peers.values()) {
          this.longestQueue = Math.max(this.longestQueue, peer.upload?.length ?? 0);
          this.largestBacklog = Math.max(this.largestBacklog, peer.backlog);
        }
      }
      this.#watch();
    });
  }
}

/** Whole swarms: on a machine that has other work to do they take their time. */
export const PATIENT = { timeout: 120_000 };

/** Runs a test's checks; what fails says how it is run again. */
export function replayed(body: () => Promise<void>): Promise<void> {
  return withTestReplay(expect.getState(), body);
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}
