/** We say something at least this often, in milliseconds (BEP 3: two minutes). */
const KEEP_ALIVE = 90_000;
/** A peer that says nothing for this long is gone. */
const SILENCE = 180_000;
/** A peer that lets this much small talk pile up does not read any more, in bytes. */
const MAX_BACKLOG = 8 * 1024 * 1024;

/** What tells whether there is still somebody at the other end. */
export interface SignsOfLife {
  /** Milliseconds since the peer sent anything, while it was let. */
  readonly silence: number;
  /** Bytes of ours that the link has not taken yet. */
  readonly backlog: number;
}

/** Why the peer counts as gone; `undefined` while it does not. */
export function signOfDeath({ silence, backlog }: SignsOfLife): string | undefined {
  if (silence > SILENCE) return 'the peer has been silent for three minutes';
  if (backlog > MAX_BACKLOG) return 'the peer does not read what is sent to it';
  return undefined;
}

/** Whether the peer must hear something, or takes us for gone. @param quiet milliseconds since we sent anything. */
export function keepAliveDue(quiet: number): boolean {
  return quiet > KEEP_ALIVE;
}
