/** What viewers could at best have given each other. */

/** A stretch of time. */
export interface SupplyWindow {
  /** Bytes that viewers needed in it: film that was shown, its head when it began, or what was received of a download. */
  readonly needed: number;
  /** Bytes that the viewers' lines could have sent to other viewers in it: nothing while one is alone. */
  readonly capacity: number;
}

/** Somebody who was there, and what they needed, as pairs of first byte and end. */
export interface Attendance {
  readonly arrivedAt: number;
  readonly leftAt: number;
  readonly neededRanges: readonly (readonly [number, number])[];
}

/**
 * The largest offload (bytes from viewers / all bytes received) that any policy could reach with these viewers:
 *
 *     min(1 - max(first copies, shortfall) / received, capacity / received)
 *
 * - First copies: what nobody who is there can have must come from the origin once. For each stretch of time with
 *   somebody there without a break, the bytes that were needed in it by anybody, each counted once.
 * - Shortfall: the largest difference, at any moment, between what was needed up to then and what the lines of those
 *   present could have sent up to then. Bytes may be sent before they are needed, never after.
 * - The two are not added: a first copy is something that was needed, and relieves the viewers' lines.
 * - Capacity: all that the lines of those present could have sent from begin to end; who is alone has nobody.
 *
 * It is a bound and no promise. It takes for granted that bytes travel in no time and without overhead, that whoever is
 * there has what the others need as soon as it has come into the swarm, that a viewer's future is known, that capacity from
 * before somebody came may have served them, and that downlinks, connections and NATs are no limit. What is received
 * and never shown counts in `received` as it does in the offload itself, so fetching more than is needed from peers moves both.
 */
export function offloadBound(
  received: number,
  windows: readonly SupplyWindow[],
  visits: readonly Attendance[],
): number {
  if (received <= 0) return 0;
  let needed = 0;
  let capacity = 0;
  let shortfall = 0;
  for (const window of windows) {
    needed += window.needed;
    capacity += window.capacity;
    shortfall = Math.max(shortfall, needed - capacity);
  }
  const origin = Math.max(firstCopies(visits), shortfall);
  return Math.max(0, Math.min(1 - origin / received, capacity / received));
}

/** Bytes that had to come in from outside. @see offloadBound */
export function firstCopies(visits: readonly Attendance[]): number {
  const byArrival = [...visits].sort((a, b) => a.arrivedAt - b.arrivedAt);
  let copies = 0;
  let ranges: (readonly [number, number])[] = [];
  let until = Number.NEGATIVE_INFINITY;
  for (const visit of byArrival) {
    if (visit.arrivedAt > until) {
      copies += unionLength(ranges);
      ranges = [];
    }
    until = Math.max(until, visit.leftAt);
    ranges.push(...visit.neededRanges);
  }
  return copies + unionLength(ranges);
}

function unionLength(ranges: readonly (readonly [number, number])[]): number {
  let length = 0;
  let reached = Number.NEGATIVE_INFINITY;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    length += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return length;
}
