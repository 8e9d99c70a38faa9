import type { Info } from '../protocol/index.ts';
import type { TorrentContent } from './content.ts';
import type { Goal, GoalProgress, Goals } from './queue/queue-policy.ts';
import type { QueueMember, TorrentQueue } from './queue/torrent-queue.ts';
import type { TorrentState, TorrentStats } from './torrent-types.ts';
import type { TransferTotals } from './transfer-totals.ts';

export interface TorrentTurnOptions {
  readonly queue: TorrentQueue;
  readonly totals: TransferTotals;
  /** Payload of earlier runs. */
  earlier(): { readonly uploaded: number; readonly downloaded: number } | undefined;
  state(): TorrentState;
  paused(): boolean;
  info(): Info | undefined;
  content(): TorrentContent | undefined;
  done(): boolean;
  onHold(held: boolean): void;
  /** It waits for its turn, or no longer. */
  onQueued(queued: boolean): void;
  /** Something of it is different, such as its position. */
  onChanged(): void;
  onGoal(goal: Goal): void;
}

/** A torrent's place in the client's queue, and what the queue has decided about it. */
export class TorrentTurn implements QueueMember {
  readonly #options: TorrentTurnOptions;
  #held = false;
  #goal: Goal | undefined;
  /** What was last told. */
  #told = { queued: false, held: false, position: -1 };

  constructor(options: TorrentTurnOptions) {
    this.#options = options;
  }

  /** It may not run. */
  get held(): boolean {
    return this.#held;
  }

  get position(): number {
    return this.#options.queue.position(this);
  }

  get forced(): boolean {
    return this.#options.queue.isForced(this);
  }

  /** From 0; beyond the ends is at the ends. */
  moveTo(position: number): void {
    this.#options.queue.move(this, position);
  }

  /** Runs whatever the limits say, or no longer. */
  force(forced: boolean): void {
    this.#options.queue.force(this, forced);
  }

  setGoals(goals: Goals): void {
    this.#options.queue.setGoals(this, goals);
  }

  /** The torrent wants something else than before. */
  changed(): void {
    this.#options.queue.changed();
  }

  /** The user lets it go on. */
  resumed(): void {
    this.#goal = undefined;
    this.changed();
  }

  /** The torrent has ended. */
  leave(): void {
    this.#options.queue.remove(this);
  }

  snapshot(): Pick<TorrentStats, 'queued' | 'queuePosition' | 'reachedGoal' | 'seedTime'> {
    return {
      queued: this.#queued,
      queuePosition: this.position,
      reachedGoal: this.#goal,
      seedTime: this.#options.queue.seedTime(this),
    };
  }

  get #queued(): boolean {
    return this.#held && this.wants !== 'nothing';
  }

  /** The queue has looked at all torrents. @param position in the queue. */
  settled(position: number): void {
    const { queued: before } = this.#told;
    const now = { queued: this.#queued, held: this.#held, position };
    if (now.held === this.#told.held && position === this.#told.position && now.queued === before) return;
    this.#told = now;
    this.#options.onChanged();
    if (now.queued !== before) this.#options.onQueued(now.queued);
  }

  // What the queue asks and tells

  get wants(): QueueMember['wants'] {
    if (this.#options.paused()) return 'nothing';
    switch (this.#options.state()) {
      case 'metadata':
        return 'download';
      case 'active':
      case 'paused':
        return this.#options.done() && this.#options.content()?.undecided === false ? 'seed' : 'download';
      default:
        return 'nothing';
    }
  }

  get isRead(): boolean {
    return this.#options.content()?.streaming.active ?? false;
  }

  get rate(): number {
    const { downloadRate, uploadRate } = this.#options.totals.snapshot();
    return downloadRate + uploadRate;
  }

  get progress(): Omit<GoalProgress, 'seedTime'> {
    const { totals } = this.#options;
    const before = this.#options.earlier();
    return {
      uploaded: totals.uploaded + (before?.uploaded ?? 0),
      downloaded: totals.downloaded + (before?.downloaded ?? 0),
      length: this.#options.info()?.length ?? 0,
    };
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#options.onHold(held);
  }

  onGoal(goal: Goal): void {
    this.#goal = goal;
    this.#options.onGoal(goal);
  }
}
