import type { SeededRandom } from 'freshet/memory';
import type { Trace } from '../trace.ts';
import type { Agenda } from './agenda.ts';
import type { TrainYard } from './train.ts';

/** What was delivered, in the trace. */
export const DELIVERED = { tcp: 1, webrtc: 2, http: 3, socket: 4 } as const;

/** What all parts of one network share. */
export interface Fabric {
  readonly agenda: Agenda;
  readonly yard: TrainYard;
  /** One generator for each purpose: what one draws does not change what another does. */
  readonly chance: {
    readonly loss: SeededRandom;
    readonly jitter: SeededRandom;
    readonly rtc: SeededRandom;
  };
  readonly trace: Trace | undefined;
  /** Delivered bytes are part of the trace. */
  readonly tracesBytes: boolean;
  /** What is sent is copied, and overwritten after delivery: who keeps or changes memory too early is found out. */
  readonly copies: boolean;
}

/** Uniformly distributed in [0, 1). */
export function draw(random: SeededRandom): number {
  return random.next() / 2 ** 32;
}

const ZEROS = new Uint8Array(64 * 1024);

/** Bytes that stand for headers and text, whose values are known to both ends anyway. */
export function padding(length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let left = length; left > 0; left -= ZEROS.length)
    parts.push(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  return parts;
}
