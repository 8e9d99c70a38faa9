import { PeerPieces } from '../packages/freshet/src/engine/peers/peer-pieces.ts';
import { BufferPool } from '../packages/freshet/src/engine/pieces/buffer-pool.ts';
import type { PartialPiece } from '../packages/freshet/src/engine/pieces/partial-piece.ts';
import { PiecePicker } from '../packages/freshet/src/engine/pieces/picker.ts';
import { PieceStore } from '../packages/freshet/src/engine/pieces/piece-store.ts';
import { ReadCache } from '../packages/freshet/src/engine/pieces/read-cache.ts';
import { type RequestTarget, Scheduler } from '../packages/freshet/src/engine/pieces/scheduler.ts';
import type { Disk, Hasher } from '../packages/freshet/src/engine/ports.ts';
import { Selection } from '../packages/freshet/src/engine/selection.ts';
import { SeededRandom } from '../packages/freshet/src/memory/index.ts';
import {
  Bitfield,
  BLOCK_LENGTH,
  buildInfo,
  type Info,
  parseInfo,
} from '../packages/freshet/src/protocol/index.ts';
import type { BenchContext } from './main.ts';
import { addRound, median, type Result, type Row } from './report.ts';

const BLOCKS_PER_PIECE = 4;
const PIECE_LENGTH = BLOCKS_PER_PIECE * BLOCK_LENGTH;
/** Operations timed together, so that the clock is not what is measured. */
const BATCH = 256;
const BATCHES = 40;
/** Other peers, each with part of the torrent and requests in flight. */
const OTHERS = 40;
/** Pieces of a peer that has few. */
const FEW = 300;
const WINDOW = 64;
/** Blocks that the peer sends before others have their turn: eight pieces. */
const TURN = 8 * BLOCKS_PER_PIECE;

type Holding = 'all' | 'half' | 'few';

/** What a have, a pick, a block and a change of priority cost, by the size of the torrent. */
export async function picker(context: BenchContext): Promise<Result> {
  const rows: Row[] = [];
  const warm = makeInfo(1000, 1);
  for (const holding of ['all', 'half', 'few'] as const) await measure(warm, holding, 99);
  for (const pieces of [1000, 100_000, 1_000_000]) {
    for (const files of [1, 100_000]) {
      const info = makeInfo(pieces, files);
      for (let round = 0; round < context.rounds; round++) {
        for (const holding of ['all', 'half', 'few'] as const) {
          const name = `${show(pieces)} pieces, ${show(files)} ${files === 1 ? 'file' : 'files'}, ${holding}`;
          const values = await measure(info, holding, round);
          addRound(rows, name, values);
          if (round === 0) context.say(`${name}: ${values['block']!.toFixed(0)} ns a block`);
        }
      }
    }
  }
  return {
    bench: 'picker',
    title: 'Picking pieces',
    about:
      `Nanoseconds for one operation of the engine, without network, hash and disk. The torrent has pieces of 64 KiB, ` +
      `${OTHERS} peers have half of it each, and the peer in question has all pieces, half of them, or ${FEW}. A have is the ` +
      `peer’s message; a pick chooses the next piece to begin; a block is received, its piece accepted if it was the ` +
      `last one, and another one asked for. A priority is that of one piece. Selecting is every second file, in milliseconds.`,
    columns: [
      { key: 'have', title: 'have, ns', digits: 0 },
      { key: 'pick', title: 'pick, ns', digits: 0 },
      { key: 'block', title: 'block, ns', digits: 0 },
      { key: 'priority', title: 'priority, ns', digits: 0 },
      { key: 'select', title: 'select files, ms', digits: 1 },
    ],
    rows,
  };
}

function show(count: number): string {
  return count.toLocaleString('en');
}

function makeInfo(pieces: number, fileCount: number): Info {
  const length = pieces * PIECE_LENGTH;
  const each = Math.floor(length / fileCount);
  const files = Array.from({ length: fileCount }, (_, i) => ({
    path: [`${i}`],
    length: i === fileCount - 1 ? length - each * (fileCount - 1) : each,
  }));
  return parseInfo(
    buildInfo({
      name: 'bench',
      pieceLength: PIECE_LENGTH,
      files: fileCount === 1 ? length : files,
      pieces: new Uint8Array(20 * pieces),
    }),
  );
}

/** Accepts every piece at once. */
const hasher: Hasher = {
  prefixSha1: () => ({ advance: () => {}, finish: (done) => done(ZEROS) }),
  sha1: () => Promise.resolve(ZEROS),
  sha256: (_data, done) => done(new Uint8Array(32)),
};
const ZEROS = new Uint8Array(20);

class NoDisk implements Disk {
  readonly length: number;
  constructor(length: number) {
    this.length = length;
  }
  read(): Promise<number> {
    return Promise.resolve(0);
  }
  write(): Promise<void> {
    return Promise.resolve();
  }
  setWanted(): void {}
  flush(): Promise<void> {
    return Promise.resolve();
  }
  fingerprints(): Promise<[]> {
    return Promise.resolve([]);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** A peer that answers what it is asked for, in order. */
class Peer implements RequestTarget {
  readonly id: number;
  readonly pieces: PeerPieces = new PeerPieces();
  readonly rate = 0;
  readonly queueTime = 0;
  readonly costly = false;
  currentPiece = -1;
  barrenSince = -1;
  helpedAt = 0;
  rescuedAt = 0;
  readonly queue: { partial: PartialPiece; block: number }[] = [];
  constructor(id: number) {
    this.id = id;
  }
  get have(): Bitfield | undefined {
    return this.pieces.have;
  }
  get outstanding(): number {
    return this.queue.length;
  }
  isRequesting(): boolean {
    return false;
  }
  spare(): number {
    return Number.POSITIVE_INFINITY;
  }
  request(partial: PartialPiece, block: number): void {
    this.queue.push({ partial, block });
  }
  cancelBlock(): void {}
  dropPiece(): void {}
  ban(): void {}
}

interface Torrent {
  readonly store: PieceStore;
  readonly selection: Selection;
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
}

function openTorrent(info: Info, seed: number): Torrent {
  const random = new SeededRandom(seed + 1);
  const store = new PieceStore({
    info,
    verified: new Bitfield(info.pieceCount),
    picker: () => new PiecePicker(info.pieceCount, random, 'rarest'),
    disk: new NoDisk(info.length),
    hasher,
    pool: new BufferPool(64 * 1024 * 1024),
    cache: new ReadCache(0),
    events: {
      onVerified: () => {},
      onStored: () => {},
      onHashFailed: () => {},
      onWriteError: () => {},
      onRoom: () => {},
    },
  });
  const selection = new Selection(info, store);
  const scheduler = new Scheduler(
    store,
    random,
    () => [],
    () => false,
  );
  return { store, selection, scheduler, random };
}

function join({ store, random }: Torrent, id: number, holding: Holding): Peer {
  const peer = new Peer(id);
  const { pieceCount } = store.info;
  peer.pieces.adopt(store);
  store.addSource(peer);
  if (holding === 'all') {
    peer.pieces.setAll();
  } else if (holding === 'half') {
    const have = new Bitfield(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) if (random.next() < 2 ** 31) have.set(piece);
    peer.pieces.setBits(have.toBytes());
  } else {
    for (let i = 0; i < FEW; i++) peer.pieces.add(random.below(pieceCount));
  }
  return peer;
}

async function measure(info: Info, holding: Holding, seed: number): Promise<Record<string, number>> {
  const torrent = openTorrent(info, seed);
  const { store, selection, random } = torrent;
  const others = Array.from({ length: OTHERS }, (_, i) => join(torrent, i + 2, 'half'));
  const peer = join(torrent, 1, holding);
  const priority = batches(
    () => store.picker.pick(peer),
    () => random.below(info.pieceCount),
    (piece, i) => selection.setPieces(piece, piece, 1 + (i & 7)),
  );
  selection.setPieces(0, info.pieceCount - 1, 4);
  const have = batches(
    () => store.picker.pick(peer),
    () => random.below(info.pieceCount),
    (piece) => others[piece % OTHERS]!.pieces.add(piece),
  );
  const taken: number[] = [];
  const pick = batches(
    () => {
      for (const piece of taken.splice(0)) store.picker.putBack(piece);
    },
    () => 0,
    () => {
      const piece = store.picker.pick(peer);
      if (piece < 0) throw new Error('There was nothing to pick.');
      store.picker.take(piece);
      taken.push(piece);
    },
    // A peer with few pieces has enough of them for a batch.
    BATCH / 4,
  );
  for (const piece of taken) store.picker.putBack(piece);
  const wanted = info.files.map((_, i) => (i % 2 === 0 ? 4 : 0));
  const start = performance.now();
  selection.setFiles(wanted);
  const select = performance.now() - start;
  store.close();
  return { have, pick, block: await blocks(info, holding, seed), priority, select };
}

/** Nanoseconds an operation, the median of the batches; `prepare` and `draw` are not counted. */
function batches<T>(
  prepare: () => void,
  draw: () => T,
  act: (value: T, index: number) => void,
  size: number = BATCH,
): number {
  const times: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    prepare();
    const values = Array.from({ length: size }, draw);
    const start = performance.now();
    for (let i = 0; i < size; i++) act(values[i]!, i);
    times.push(performance.now() - start);
  }
  return (median(times) * 1e6) / size;
}

/** Nanoseconds a block, the median of batches. A torrent that is used up is followed by another. */
async function blocks(info: Info, holding: Holding, seed: number): Promise<number> {
  // As many as a peer with few pieces of a large torrent has.
  const goal = info.pieceCount > 10_000 && holding === 'few' ? FEW : BATCH * BATCHES;
  const times: number[] = [];
  let done = 0;
  for (let torrents = 0; done < goal; torrents++) {
    const torrent = openTorrent(info, seed + torrents);
    const { store, scheduler } = torrent;
    const others = Array.from({ length: OTHERS }, (_, i) => join(torrent, i + 2, 'half'));
    const peer = join(torrent, 1, holding);
    for (const each of [...others, peer]) scheduler.assign(each, WINDOW, 0);
    // The peer and the others take turns; only what the peer does is counted, and not the end of the torrent.
    for (let now = 1; done < goal && peer.queue.length >= WINDOW; now++) {
      const start = performance.now();
      for (let i = 0; i < TURN; i++) answer(peer, store, scheduler, now);
      times.push(performance.now() - start);
      done += TURN;
      answer(others[now % others.length]!, store, scheduler, now);
      // Pieces that were accepted are written.
      await undefined;
    }
    store.close();
  }
  return (median(times) * 1e6) / TURN;
}

function answer(peer: Peer, store: PieceStore, scheduler: Scheduler, now: number): void {
  const asked = peer.queue.shift();
  if (asked === undefined) return;
  asked.partial.claim(asked.block, peer.id);
  store.receive(asked.partial, asked.block, peer);
  asked.partial.unrequest(asked.block);
  scheduler.assign(peer, 1, now);
}
