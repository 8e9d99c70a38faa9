import type { PartialPiece } from '../src/engine/pieces/partial-piece.ts';
import { type RequestTarget, Scheduler, type UrgentPiece } from '../src/engine/pieces/scheduler.ts';
import { SeededRandom } from '../src/memory/index.ts';
import type { Bitfield } from '../src/protocol/index.ts';
import type { SampleTorrent } from './memory-swarm.ts';
import { FakeSource, openStore, type StoreFixture } from './store-fixture.ts';

/** A peer that only writes down which blocks it is asked for. */
export class RecordingPeer extends FakeSource implements RequestTarget {
  readonly asked: string[] = [];
  readonly blocks = new Map<string, PartialPiece>();
  have: Bitfield | undefined;
  queueTime = 0;
  rate = 0;
  /** Blocks that it has upload to spare for. */
  spareBlocks: number = Number.POSITIVE_INFINITY;
  costly = false;
  currentPiece = -1;
  barrenSince = -1;
  helpedAt = Number.NEGATIVE_INFINITY;
  rescuedAt = Number.NEGATIVE_INFINITY;
  get outstanding(): number {
    return this.blocks.size;
  }
  spare(): number {
    return this.spareBlocks;
  }
  isRequesting(piece: number, block: number): boolean {
    return this.blocks.has(`${piece}/${block}`);
  }
  request(partial: PartialPiece, block: number): void {
    this.asked.push(`${partial.index}/${block}`);
    this.blocks.set(`${partial.index}/${block}`, partial);
  }
  /** Everything it was asked for will not come. */
  forget(): void {
    for (const [key, partial] of this.blocks) partial.unrequest(Number(key.split('/')[1]));
    this.blocks.clear();
  }
}

/** A scheduler over a store in memory. What the torrent would say of its readers is set by hand. */
export interface SchedulerBench extends StoreFixture {
  readonly scheduler: Scheduler;
  urgent: UrgentPiece[];
  streaming: boolean;
  /** Bytes per second that the readers need. */
  demand: number;
}

export function schedulerBench(
  sample: SampleTorrent,
  options: Parameters<typeof openStore>[1] = {},
): SchedulerBench {
  const fixture = openStore(sample, options);
  const made: SchedulerBench = {
    ...fixture,
    urgent: [],
    streaming: false,
    demand: 0,
    scheduler: new Scheduler(
      fixture.store,
      new SeededRandom(3),
      () => made.urgent,
      () => made.streaming,
      () => made.demand,
    ),
  };
  return made;
}
