import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { REQUESTED } from '../pieces/partial-piece.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import type { WebSeedRun } from './web-seed-run.ts';
import type { WebSeedSource } from './web-seed-source.ts';

/** A block that a viewer waits for counts as late after this many milliseconds at least. */
export const MIN_LATE: number = 400;
/** Milliseconds that an idle web seed must save for it to fetch what another one is at, and what it is taken to need itself. */
const WORTH_HELPING = 1000;
const UNKNOWN_TIME = 2000;

/** Which blocks are worth asking a web seed for: those that nobody brings, or not in time. */
export class SeedNeeds {
  readonly #host: WebSeedHost;
  readonly #sources: ReadonlyMap<string, WebSeedSource>;

  constructor(host: WebSeedHost, sources: ReadonlyMap<string, WebSeedSource>) {
    this.#host = host;
    this.#sources = sources;
  }

  /** Whether a run would take much longer to a place than the source to all that is left of the run. */
  slowerThan(source: WebSeedSource): (run: WebSeedRun, time: number) => boolean {
    return (run, time) => {
      const ours = source.rate > 0 ? (run.bytesLeft * 1000) / source.rate : UNKNOWN_TIME;
      return time > WORTH_HELPING + 3 * ours;
    };
  }

  /** Whether another server may be much faster than that of the run. */
  hasFaster(run: WebSeedRun, now: number): boolean {
    for (const source of this.#sources.values()) {
      if (source.runs.has(run) || !source.usable(now, true)) continue;
      if (source.meter.total === 0 || source.rate > 2 * run.rate) return true;
    }
    return false;
  }

  /**
   * Blocks that nobody is asked for, or that one source is late with.
   * @param tooSlow whether a run that takes so many milliseconds to the end of a block is to be helped out.
   */
  of(
    now: number,
    late: number,
    tooSlow: (run: WebSeedRun, time: number) => boolean,
  ): (piece: number, block: number) => boolean {
    const { store, info } = this.#host;
    const runs = this.runs();
    return (piece, block) => {
      const partial = store.partials.get(piece);
      if (partial === undefined) {
        return store.isMissing(piece) && block * BLOCK_LENGTH < info.dataLength(piece);
      }
      if (partial.requesters(block) === 0) return partial.state(block) < REQUESTED;
      if (partial.state(block) !== REQUESTED || partial.requesters(block) > 1) return false;
      const run = runs.find((candidate) => candidate.asksFor(piece, block));
      if (run === undefined) return now - partial.requestedAt(block) > late;
      if (run.stalled(now)) return true;
      return !run.held && tooSlow(run, this.timeTo(run, piece, block + 1));
    };
  }

  /**
   * What is needed of a piece that a reader waits for from a block on: with v2 that and nothing before it, if the blocks
   * can be verified by themselves. While their hashes may come from peers it is what comes first, and then the rest.
   */
  behind(
    piece: number,
    firstBlock: number,
    needs: (piece: number, block: number) => boolean,
  ): (piece: number, block: number) => boolean {
    const { store, info } = this.#host;
    if (firstBlock === 0 || !info.hasV2) return needs;
    const alone = store.judgesBlocks(piece);
    if (!alone && this.#host.usefulPeers() === 0) return needs;
    const behind = (other: number, block: number): boolean =>
      (other !== piece || block >= firstBlock) && needs(other, block);
    return alone || this.firstNeeded(piece, behind) >= 0 ? behind : needs;
  }

  /** Milliseconds that the run takes to the begin of a block at the rate of its server; 0 while nothing is known of that. */
  timeTo(run: WebSeedRun, piece: number, block: number): number {
    if (run.rate <= 0) return 0;
    const ahead = piece * this.#host.info.pieceLength + block * BLOCK_LENGTH - run.position;
    return (ahead * 1000) / run.rate;
  }

  /** Offset of the first byte of the piece that is needed; -1 for none. */
  firstNeeded(piece: number, needs: (piece: number, block: number) => boolean): number {
    const { info } = this.#host;
    const blocks = Math.ceil(info.dataLength(piece) / BLOCK_LENGTH);
    for (let block = 0; block < blocks; block++) {
      if (needs(piece, block)) return piece * info.pieceLength + block * BLOCK_LENGTH;
    }
    return -1;
  }

  /** Milliseconds after which a block with this much time left is late: the less time, the less patience. */
  lateAfter(slack: number): number {
    return Math.max(MIN_LATE, Math.min(this.#host.scheduler.lateAfter, slack / 2));
  }

  runs(): WebSeedRun[] {
    const runs: WebSeedRun[] = [];
    for (const source of this.#sources.values()) runs.push(...source.runs);
    return runs;
  }
}
