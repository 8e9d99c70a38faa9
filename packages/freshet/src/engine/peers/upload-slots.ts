/** How many peers are uploaded to at a time, found from the rates that come of it. */

/** Never fewer: with less than three peers to thank and one to try, tit for tat does not work. */
export const MIN_UPLOAD_SLOTS = 4;
/** Never more: what a thousand peers ask for at a time is read from everywhere, and none of them feels its share. */
export const MAX_UPLOAD_SLOTS = 200;
/** Slots before anything is known of the line. */
const FIRST_SLOTS = 8;
/**
 * With n slots each should be worth n times this, in bytes per second: a peer rewards the one that gives it most, so
 * a share is the more worth the larger it is, and the line should be divided the less the slower it is. n slots on a
 * line of U bytes per second each get U / n, hence n = sqrt(U / this): 7 slots at 100 KB/s, 22 at 1 MB/s.
 */
const SLOT_RATE = 2048;
/** A further slot must bring at least this part of what the others bring on average, or the line is full. */
const WORTH = 0.5;
/** A limit is reached at this part of it. */
const FULL = 0.9;
/** Rounds for which a number that turned out to be enough is kept before more are tried. */
const PATIENCE = 6;

export interface SlotRound {
  /** Payload sent to all peers in the round, in bytes per second. */
  readonly rate: number;
  /** Peers that were unchoked and interested. */
  readonly taken: number;
  /** Interested peers that were choked. */
  readonly waiting: number;
  /** Upload limit, in bytes per second; `undefined` for none. */
  readonly limit: number | undefined;
}

/** Slots that a line of so many bytes per second can be divided into. */
export function fairSlots(rate: number): number {
  return clamp(Math.floor(Math.sqrt(rate / SLOT_RATE)));
}

/**
 * The number of upload slots, from round to round. It follows what the line carries (`fairSlots`). Where the peers'
 * own lines are the slower ones that leaves part of ours unused; so while all slots are taken and others wait, more
 * are tried: as long as each brings about as much as those before, nobody loses by it. When more bring nothing, fewer
 * are tried in the same way.
 */
export class UploadSlots {
  #slots: number;
  /** What a trial is measured by: slots and rate before it. */
  #before: { readonly slots: number; readonly rate: number } | undefined;
  /** Rounds until more are tried again. */
  #rest = 0;

  /** @param limit upload limit, in bytes per second; `undefined` for none. */
  constructor(limit: number | undefined) {
    this.#slots = limit === undefined ? FIRST_SLOTS : Math.min(FIRST_SLOTS, fairSlots(limit));
  }

  get count(): number {
    return this.#slots;
  }

  /** After each round of the choker. */
  next(round: SlotRound): void {
    const trial = this.#before;
    this.#before = undefined;
    // A round in which somebody could have been unchoked and was not tells nothing about the line.
    if (round.taken < this.#slots || round.waiting === 0) return;
    const { rate, limit } = round;
    const fair = fairSlots(limit === undefined ? rate : Math.min(rate, limit));
    if (this.#slots < fair) {
      this.#slots = Math.min(fair, 2 * this.#slots);
      return;
    }
    const full = (limit !== undefined && rate >= FULL * limit) || rate / this.#slots < SLOT_RATE;
    if (trial !== undefined) {
      const gain = (rate - trial.rate) / (this.#slots - trial.slots);
      const worth = gain >= WORTH * (trial.rate / trial.slots);
      if (this.#slots < trial.slots) {
        if (worth) this.#settle(trial.slots);
        else if (this.#slots > fair) this.#tryFewer(rate, fair);
        else this.#settle(this.#slots);
        return;
      }
      if (!worth) {
        this.#slots = Math.max(fair, trial.slots);
        if (this.#slots > fair) this.#tryFewer(trial.rate, fair);
        else this.#settle(this.#slots);
        return;
      }
    }
    if (this.#rest > 0) this.#rest--;
    else if (!full) this.#try(clamp(this.#slots + step(this.#slots)), rate);
    else if (this.#slots > fair) this.#tryFewer(rate, fair);
  }

  #tryFewer(rate: number, fair: number): void {
    this.#try(Math.max(fair, this.#slots - step(this.#slots)), rate);
  }

  #try(slots: number, rate: number): void {
    if (slots === this.#slots) return;
    this.#before = { slots: this.#slots, rate };
    this.#slots = slots;
  }

  #settle(slots: number): void {
    this.#slots = slots;
    this.#rest = PATIENCE;
  }
}

function step(slots: number): number {
  return Math.max(1, slots >> 2);
}

function clamp(slots: number): number {
  return Math.max(MIN_UPLOAD_SLOTS, Math.min(MAX_UPLOAD_SLOTS, slots));
}
