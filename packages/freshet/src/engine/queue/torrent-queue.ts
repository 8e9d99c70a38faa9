import type { Clock, Timer } from '../ports.ts';
import {
  type Goal,
  type GoalProgress,
  type Goals,
  isSlow,
  mayRun,
  type QueueLimits,
  reachedGoal,
} from './queue-policy.ts';

/** Milliseconds between two looks at rates and goals, while there are limits or goals. */
const TICK = 5000;

/** A torrent as the queue sees it. */
export interface QueueMember {
  /** Whether it would run if the queue let it, and what it does then. */
  readonly wants: 'nothing' | 'download' | 'seed';
  /** Somebody reads from it: it runs at once. */
  readonly isRead: boolean;
  /** Bytes per second of payload, both ways. */
  readonly rate: number;
  /** Payload of this and earlier runs, for its goals. */
  readonly progress: Omit<GoalProgress, 'seedTime'>;
  /** It may not run, or may again. */
  hold(held: boolean): void;
  /** The queue has looked at all of them, and decided. @param position from 0. */
  settled(position: number): void;
  /** It has seeded enough and is to pause itself. */
  onGoal(goal: Goal): void;
}

/** What the queue remembers of a member. */
class Place {
  readonly member: QueueMember;
  goals: Goals;
  readonly order: number;
  forced = false;
  /** Its goals were reached; whoever lets it go on after that means it. */
  reached = false;
  held = false;
  seedTime = 0;
  runningSince: number | undefined;

  constructor(member: QueueMember, goals: Goals, order: number) {
    this.member = member;
    this.order = order;
    this.goals = goals;
  }
}

export interface TorrentQueueOptions extends QueueLimits {
  /** For torrents that have none of their own. */
  readonly goals?: Goals | undefined;
}

/** The client's torrents in their order: lets as many run as may, and stops those that have seeded enough. */
export class TorrentQueue {
  readonly #clock: Clock;
  #limits: QueueLimits;
  #goals: Goals;
  #places: Place[] = [];
  readonly #byMember = new Map<QueueMember, Place>();
  #soon: Timer | undefined;
  #timer: Timer | undefined;
  #tickedAt: number;
  #closed = false;

  constructor(clock: Clock, options: TorrentQueueOptions = {}) {
    this.#clock = clock;
    this.#limits = options;
    this.#goals = options.goals ?? {};
    this.#tickedAt = clock.now();
  }

  /**
   * Takes its place at the end. With limits it is held until the queue has looked, which is soon.
   * @param order those that were added before in time, and are added here later, have a lower one and come before.
   */
  add(member: QueueMember, goals: Goals, order: number = Number.POSITIVE_INFINITY): void {
    const place = new Place(member, goals, order);
    let at = this.#places.length;
    while (at > 0 && this.#places[at - 1]!.order > order) at--;
    this.#places.splice(at, 0, place);
    this.#byMember.set(member, place);
    if (this.#limited) {
      place.held = true;
      member.hold(true);
    }
    this.changed();
  }

  remove(member: QueueMember): void {
    const place = this.#byMember.get(member);
    if (place === undefined) return;
    this.#byMember.delete(member);
    this.#places.splice(this.#places.indexOf(place), 1);
    this.changed();
  }

  /** From 0, or -1 if it is not there. */
  position(member: QueueMember): number {
    const place = this.#byMember.get(member);
    return place === undefined ? -1 : this.#places.indexOf(place);
  }

  /** Moves it to a position; beyond the ends is at the ends. */
  move(member: QueueMember, position: number): void {
    const place = this.#byMember.get(member);
    if (place === undefined) return;
    this.#places.splice(this.#places.indexOf(place), 1);
    this.#places.splice(Math.max(0, position), 0, place);
    this.changed();
  }

  /** Lets it run whatever the limits say, or no longer. */
  force(member: QueueMember, forced: boolean): void {
    const place = this.#byMember.get(member);
    if (place === undefined || place.forced === forced) return;
    place.forced = forced;
    this.changed();
  }

  isForced(member: QueueMember): boolean {
    return this.#byMember.get(member)?.forced ?? false;
  }

  /** Milliseconds for which it has seeded in this run. */
  seedTime(member: QueueMember): number {
    const place = this.#byMember.get(member);
    if (place === undefined) return 0;
    const seeding = !place.held && member.wants === 'seed' && place.runningSince !== undefined;
    return place.seedTime + (seeding ? this.#clock.now() - Math.max(this.#tickedAt, place.runningSince!) : 0);
  }

  /** Goals that are absent are those of the client. */
  setGoals(member: QueueMember, goals: Goals): void {
    const place = this.#byMember.get(member);
    if (place === undefined) return;
    place.goals = goals;
    place.reached = false;
    this.changed();
  }

  setOptions(options: TorrentQueueOptions): void {
    this.#limits = options;
    this.#goals = options.goals ?? {};
    for (const place of this.#places) place.reached = false;
    this.changed();
  }

  /** A torrent wants something else than before. The queue looks after this turn. */
  changed(): void {
    if (this.#closed || this.#soon !== undefined || !this.#needed) return;
    this.#soon = this.#clock.setTimer(0, () => {
      this.#soon = undefined;
      this.#look();
    });
  }

  close(): void {
    this.#closed = true;
    this.#soon?.cancel();
    this.#timer?.cancel();
    this.#soon = undefined;
    this.#timer = undefined;
  }

  get #limited(): boolean {
    const { maxActive, maxActiveDownloads, maxActiveSeeds } = this.#limits;
    return maxActive !== undefined || maxActiveDownloads !== undefined || maxActiveSeeds !== undefined;
  }

  /** There is anything to look after. */
  get #needed(): boolean {
    return (
      this.#limited ||
      hasGoals(this.#goals) ||
      this.#places.some((place) => place.held || hasGoals(place.goals))
    );
  }

  #look(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#clock.now();
    this.#countTime(now);
    this.#checkGoals();
    this.#share(now);
    this.#tickedAt = now;
    for (const [position, place] of [...this.#places].entries()) place.member.settled(position);
    // Paused ones tell when they go on.
    if (this.#closed || !this.#needed || !this.#places.some((place) => place.member.wants !== 'nothing'))
      return;
    this.#timer = this.#clock.setTimer(TICK, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #countTime(now: number): void {
    for (const place of this.#places) {
      if (place.held || place.member.wants === 'nothing') {
        place.runningSince = undefined;
        continue;
      }
      place.runningSince ??= now;
      if (place.member.wants === 'seed') place.seedTime += now - Math.max(this.#tickedAt, place.runningSince);
    }
  }

  #checkGoals(): void {
    for (const place of [...this.#places]) {
      const { member, goals, seedTime } = place;
      if (member.wants !== 'seed' || place.reached) continue;
      const goal = reachedGoal(goals, this.#goals, { ...member.progress, seedTime });
      if (goal === undefined) continue;
      place.reached = true;
      member.onGoal(goal);
    }
  }

  #share(now: number): void {
    const places = this.#places.filter((place) => place.member.wants !== 'nothing');
    const running = mayRun(
      places.map(({ member, forced, held, runningSince }) => ({
        seeding: member.wants === 'seed',
        forced: forced || member.isRead,
        slow: !held && runningSince !== undefined && isSlow(member.rate, now - runningSince),
      })),
      this.#limits,
    );
    const allowed = new Set(places.filter((_place, i) => running[i]));
    // Those that wait give up their connections before others open theirs.
    for (const held of [true, false]) {
      for (const place of [...this.#places]) {
        // What is paused waits for a look when it goes on.
        const wanted = place.member.wants === 'nothing' ? this.#limited : !allowed.has(place);
        if (wanted !== held || place.held === held) continue;
        place.held = held;
        if (!held) place.runningSince = now;
        place.member.hold(held);
      }
    }
  }
}

function hasGoals(goals: Goals): boolean {
  return goals.ratio !== undefined || goals.seedTime !== undefined;
}
