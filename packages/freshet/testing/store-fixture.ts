import type { BlockSource } from '../src/engine/pieces/block-source.ts';
import { BufferPool } from '../src/engine/pieces/buffer-pool.ts';
import { PiecePicker } from '../src/engine/pieces/picker.ts';
import { PieceStore } from '../src/engine/pieces/piece-store.ts';
import { ReadCache } from '../src/engine/pieces/read-cache.ts';
import type { PieceHashes } from '../src/engine/pieces/verification.ts';
import type { Hasher } from '../src/engine/ports.ts';
import { FaultPlan, MemoryDisk, MemoryHasher, SeededRandom } from '../src/memory/index.ts';
import { Bitfield, BLOCK_LENGTH } from '../src/protocol/index.ts';
import type { SampleTorrent } from './memory-swarm.ts';

/** A piece store over a disk in memory, with a log of what it told. */
export interface StoreFixture {
  readonly store: PieceStore;
  readonly pool: BufferPool;
  readonly disk: MemoryDisk;
  readonly faults: FaultPlan;
  readonly log: string[];
}

export function openStore(
  sample: SampleTorrent,
  options: {
    readonly budget?: number;
    readonly pool?: BufferPool;
    readonly verified?: Bitfield;
    readonly strategy?: 'rarest' | 'sequential';
    readonly disk?: MemoryDisk;
    readonly hashes?: PieceHashes;
    readonly hasher?: Hasher;
    /** Whether anybody may give the hashes of a wrong piece's blocks. */
    readonly seekLeaves?: () => boolean;
  } = {},
): StoreFixture {
  const { info } = sample;
  const faults = new FaultPlan();
  const disk = options.disk ?? new MemoryDisk({ length: info.length, faults });
  const pool = options.pool ?? new BufferPool(options.budget ?? 64 * 1024 * 1024);
  const log: string[] = [];
  const store = new PieceStore({
    info,
    verified: options.verified ?? new Bitfield(info.pieceCount),
    picker: () => new PiecePicker(info.pieceCount, new SeededRandom(5), options.strategy ?? 'sequential'),
    disk,
    hasher: options.hasher ?? new MemoryHasher(),
    hashes: options.hashes,
    pool,
    cache: new ReadCache(0),
    events: {
      onVerified: (piece) => log.push(`verified ${piece}`),
      onStored: (piece) => log.push(`stored ${piece}`),
      onHashFailed: (piece) => log.push(`failed ${piece}`),
      onWriteError: (error) => log.push(`write error: ${error.message}`),
      onRoom: () => log.push('room'),
      onRightBlocks: (piece) => log.push(`right blocks ${piece}`),
      onBlockRefused: (piece, length) => log.push(`refused ${length} of ${piece}`),
      onInconsistent: (piece) => log.push(`inconsistent ${piece}`),
      seekLeaves: (piece) => {
        log.push(`seek ${piece}`);
        return options.seekLeaves?.() ?? false;
      },
    },
  });
  return { store, pool, disk, faults, log };
}

/** A source that only writes down what it is told. */
export class FakeSource implements BlockSource {
  readonly id: number;
  readonly told: string[] = [];
  constructor(id: number) {
    this.id = id;
  }
  cancelBlock(piece: number, block: number): void {
    this.told.push(`cancel ${piece} ${block}`);
  }
  dropPiece(piece: number): void {
    this.told.push(`drop ${piece}`);
  }
  ban(reason: string): void {
    this.told.push(`ban: ${reason}`);
  }
}

/** Gives the store one block from a source, as a link would; `wrong` changes a byte of it. */
export function deliver(
  sample: SampleTorrent,
  store: PieceStore,
  source: BlockSource,
  piece: number,
  block: number,
  wrong = false,
): void {
  const partial = store.begin(piece, true)!;
  const place = partial.claim(block, source.id)!;
  const at = piece * sample.info.pieceLength + block * BLOCK_LENGTH;
  place.set(sample.content.subarray(at, at + place.length));
  if (wrong) place[0] = place[0]! ^ 1;
  store.receive(partial, block, source);
}

/** Lets promises that are settled already be seen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 32; turn++) await undefined;
}
