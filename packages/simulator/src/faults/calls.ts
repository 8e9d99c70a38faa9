/** The calls that an engine makes of its ports, counted through a run, and the one of them that fails. */

export type CallKind =
  | 'timer'
  | 'listen'
  | 'accept'
  | 'dial'
  | 'send'
  | 'receive'
  | 'offer'
  | 'answer'
  | 'http'
  | 'body'
  | 'socket'
  | 'say'
  | 'hear'
  | 'sha1'
  | 'sha1-piece'
  | 'sha256'
  | 'open'
  | 'read'
  | 'write'
  | 'flush'
  | 'stat'
  | 'close'
  | 'load'
  | 'save';

/** How a hasher goes wrong. */
export type HashFault = 'wrong' | 'late';

export interface CallFault {
  /** The Nth call of the run, of whatever kind, from 1. */
  readonly at: number;
  /** From there on all calls of the same kind fail, not only that one. Default false. */
  readonly permanent?: boolean | undefined;
  /** Default `wrong`. */
  readonly hash?: HashFault | undefined;
}

/** Counts the calls of one run over all kinds, and says which of them fails. */
export class Calls {
  readonly fault: CallFault | undefined;
  /** The kind of each call, in order: call N is at N - 1. */
  readonly kinds: CallKind[] = [];
  /** Calls that have failed. */
  fired = 0;
  #failing: CallKind | undefined;
  #healed = false;

  constructor(fault?: CallFault) {
    this.fault = fault;
  }

  get count(): number {
    return this.kinds.length;
  }

  /** Whatever was broken works again. */
  heal(): void {
    this.#healed = true;
  }

  /** As in `write#17`: the 17th call of the run, a write. */
  label(n: number): string {
    return `${this.kinds[n - 1] ?? 'none'}#${n}`;
  }

  /** Counts a call; returns whether it fails. */
  next(kind: CallKind): boolean {
    const n = this.kinds.push(kind);
    const { fault } = this;
    if (fault === undefined || this.#healed) return false;
    if (n === fault.at) this.#failing = kind;
    const fails = n === fault.at || (fault.permanent === true && kind === this.#failing);
    if (fails) this.fired++;
    return fails;
  }
}
