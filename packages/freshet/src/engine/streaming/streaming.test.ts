import { beforeEach, describe, expect, it } from 'vitest';
import { settled } from '../../../testing/store-fixture.ts';
import { writeFilm } from '../../memory/index.ts';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import type { GivesWay } from '../pieces/scheduler.ts';
import { ReaderError } from './reader.ts';
import { Streaming } from './streaming.ts';

const PIECE = 100_000;
const PIECES = 200;
const LENGTH = PIECE * PIECES;

let now: number;
let verified: Set<number>;
/** Bytes at the start of pieces that can be read before the rest. */
let right: Map<number, number>;
let unwanted: Set<number>;
/** Positions that have to be read from disk first, and who waits for it. */
let cold: boolean;
let wakes: (() => void)[];
let giveWay: GivesWay | undefined;
let jumps: boolean[];
let failure: Error | undefined;
let streaming: Streaming;

beforeEach(() => {
  now = 0;
  verified = new Set();
  unwanted = new Set();
  right = new Map();
  cold = false;
  wakes = [];
  jumps = [];
  failure = undefined;
  streaming = new Streaming({
    pieceLength: PIECE,
    files: [{ path: ['file'], offset: 0, length: LENGTH, padding: false }],
    blockwise: false,
    now: () => now,
    isVerified: (piece) => verified.has(piece),
    readableFrom: (piece, begin) => (verified.has(piece) ? PIECE : (right.get(piece) ?? 0)) - begin,
    isWanted: (piece) => !unwanted.has(piece),
    readVerified: (piece, begin, length, wake) => {
      if (failure !== undefined) return failure;
      if (cold) {
        wakes.push(wake);
        return undefined;
      }
      const half = Math.ceil(length / 2);
      const at = (i: number): number => (piece * PIECE + begin + i) % 251;
      return [
        Uint8Array.from({ length: half }, (_, i) => at(i)),
        Uint8Array.from({ length: length - half }, (_, i) => at(half + i)),
      ];
    },
    onUrgent: (givesWay) => {
      jumps.push(givesWay !== undefined);
      giveWay = givesWay;
    },
  });
});

function verify(...pieces: number[]): void {
  for (const piece of pieces) {
    verified.add(piece);
    streaming.onVerified(piece);
  }
}

const bytes = (from: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (from + i) % 251);

describe('a reader', () => {
  it('delivers verified bytes in order, piece by piece, and ends', async () => {
    const reader = streaming.open({ start: 2 * PIECE - 10, end: 2 * PIECE + 20 });
    const first = reader.read(1000);
    verify(2);
    await settled();
    expect(reader.isWaiting).toBe(true);
    verify(1);
    expect(await first).toEqual(bytes(2 * PIECE - 10, 10));
    expect(await reader.read(5)).toEqual(bytes(2 * PIECE, 5));
    expect(await reader.read(1000)).toEqual(bytes(2 * PIECE + 5, 15));
    expect(await reader.read(1)).toBeUndefined();
    expect(reader.position).toBe(2 * PIECE + 20);
  });

  it('delivers blocks that are right before their piece is', async () => {
    const reader = streaming.open({ start: PIECE + 10, end: LENGTH });
    const read = reader.read(1000);
    right.set(1, 500);
    streaming.onRightBlocks(1);
    expect(await read).toEqual(bytes(PIECE + 10, 490));
    const more = reader.read(1000);
    right.set(1, 600);
    streaming.onRightBlocks(1);
    expect(await more).toEqual(bytes(PIECE + 500, 100));
    // The rest of it is as urgent as before.
    expect(streaming.urgent()[0]?.piece).toBe(1);
  });

  it('answers one read at a time, and none that makes no sense', async () => {
    const reader = streaming.open({ start: 0, end: LENGTH });
    const waiting = reader.read(1);
    await expect(reader.read(1)).rejects.toMatchObject({ code: 'BUSY' });
    reader.close();
    reader.close();
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(reader.read(1)).rejects.toMatchObject({ code: 'CLOSED' });
    const other = streaming.open({ start: 0, end: LENGTH });
    for (const count of [0, -1, Number.NaN]) {
      await expect(other.read(count)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' });
    }
  });

  it('waits for the disk, and delivers the new place after a seek meanwhile', async () => {
    verify(0, 50);
    const reader = streaming.open({ start: 0, end: LENGTH });
    cold = true;
    const read = reader.read(10);
    reader.seek(50 * PIECE + 3);
    cold = false;
    for (const wake of wakes) wake();
    expect(await read).toEqual(bytes(50 * PIECE + 3, 10));
    expect(reader.position).toBe(50 * PIECE + 13);
  });

  it('rejects with the reason what cannot be read, and may be asked again', async () => {
    verify(0);
    const reader = streaming.open({ start: 0, end: LENGTH });
    failure = new Error('bad sector');
    await expect(reader.read(1)).rejects.toMatchObject({ code: 'READ_FAILED', cause: failure });
    failure = undefined;
    expect(await reader.read(1)).toEqual(bytes(0, 1));
  });

  it('stays within its range when it seeks, and ends where that is', async () => {
    verify(1);
    const reader = streaming.open({ start: PIECE, end: PIECE + 10 });
    reader.seek(LENGTH);
    expect(await reader.read(1)).toBeUndefined();
    reader.seek(0);
    expect(reader.position).toBe(PIECE);
  });

  it('reads at most a megabyte at a time, however much is asked for', async () => {
    const long = new Streaming({
      pieceLength: 64 * 1024 * 1024,
      files: [{ path: ['file'], offset: 0, length: 64 * 1024 * 1024, padding: false }],
      blockwise: true,
      now: () => 0,
      isVerified: () => true,
      readableFrom: (_, begin) => 64 * 1024 * 1024 - begin,
      isWanted: () => true,
      readVerified: (_, __, length) => [new Uint8Array(length)],
      onUrgent: () => {},
    });
    const read = await long.open({ start: 0, end: 64 * 1024 * 1024 }).read(1e9);
    expect(read).toHaveLength(1024 * 1024);
  });
});

describe('deadlines', () => {
  const urgent = (): number[] => streaming.urgent().map(({ piece }) => piece);

  it('cover the read-ahead in order, without what is there or unwanted', () => {
    verify(3);
    unwanted.add(4);
    streaming.open({ start: 2 * PIECE + 5, end: LENGTH });
    expect(urgent()).toEqual([2, 5, 6, 7, 8, 9, 10, 11, 12]);
    const deadlines = streaming.urgent().map(({ deadline }) => deadline);
    expect(deadlines[0]).toBe(0);
    expect([...deadlines].sort((a, b) => a - b)).toEqual(deadlines);
    verify(5);
    expect(urgent()).not.toContain(5);
  });

  it('name the first block that is waited for, by who needs the piece first, and let those before it give way', () => {
    const wide = 4 * BLOCK_LENGTH;
    let gives: GivesWay | undefined;
    const firsts = new Streaming({
      pieceLength: wide,
      files: [{ path: ['file'], offset: 0, length: 100 * wide, padding: false }],
      blockwise: true,
      now: () => 0,
      isVerified: () => false,
      readableFrom: () => 0,
      isWanted: () => true,
      readVerified: () => undefined,
      onUrgent: (givesWay) => {
        gives = givesWay;
      },
    });
    const first = firsts.open({ start: 0, end: 100 * wide });
    expect(firsts.urgent()[0]).toEqual({ piece: 0, deadline: 0, firstBlock: 0 });
    // A little farther on, in what the first one will need later.
    const there = firsts.open({ start: 13 * wide + 3 * BLOCK_LENGTH - 1, end: 100 * wide });
    expect(firsts.urgent()[1]).toEqual({ piece: 13, deadline: 0, firstBlock: 2 });
    expect([0, 1, 2, 3].map((block) => gives?.(13, block))).toEqual([true, true, false, false]);
    expect([gives?.(0, 0), gives?.(14, 0), gives?.(1, 3)]).toEqual([false, true, true]);
    first.close();
    there.close();
  });

  it('reach farther the more was read in a row, and start anew after a seek', async () => {
    const reader = streaming.open({ start: 0, end: LENGTH });
    expect(urgent()).toHaveLength(11);
    for (let piece = 0; piece < 40; piece++) {
      verify(piece);
      await reader.read(PIECE);
    }
    expect(urgent()[0]).toBe(40);
    expect(urgent()).toHaveLength(80);
    reader.seek(100 * PIECE);
    expect(urgent()).toHaveLength(11);
    reader.close();
    expect(urgent()).toEqual([]);
    expect(streaming.active).toBe(false);
  });

  it('of several readers interleave, the nearest of each piece counting', () => {
    streaming.open({ start: 0, end: LENGTH });
    streaming.open({ start: 5 * PIECE, end: LENGTH });
    const order = urgent();
    expect(order.slice(0, 4)).toEqual([0, 5, 1, 6]);
    expect(new Set(order).size).toBe(order.length);
  });

  it("follow the film's own rate, and bring what a player needs from its end", async () => {
    const film = new Uint8Array(LENGTH);
    writeFilm(film, { seconds: 200, moov: 'last', moovLength: PIECE });
    const seen: boolean[] = [];
    const player = new Streaming({
      pieceLength: PIECE,
      files: [{ path: ['film.mp4'], offset: 0, length: LENGTH, padding: false }],
      blockwise: false,
      now: () => now,
      isVerified: (piece) => verified.has(piece),
      readableFrom: (piece, begin) => (verified.has(piece) ? PIECE : 0) - begin,
      isWanted: () => true,
      readVerified: (piece, begin, length) => [film.subarray(piece * PIECE + begin).subarray(0, length)],
      onUrgent: (givesWay) => seen.push(givesWay?.(1, 0) ?? false),
    });
    const reader = player.open({ start: 0, end: LENGTH });
    expect(player.urgent().slice(0, 2)).toEqual([
      { piece: 0, deadline: 0, firstBlock: 0 },
      { piece: 1, deadline: 100, firstBlock: 0 },
    ]);
    seen.length = 0;
    now = 50;
    verified.add(0);
    player.onVerified(0);
    expect(player.urgent()[0]).toEqual({ piece: PIECES - 1, deadline: 50, firstBlock: 0 });
    expect(seen).toContain(true);
    verified.add(PIECES - 1);
    player.onVerified(PIECES - 1);
    // 100,000 bytes a second, and a quarter more.
    expect(player.urgent()[0]).toMatchObject({ piece: 1, deadline: 50 + 800 });
    await reader.read(PIECE);
    // A second of it is in the player's buffer.
    expect(player.urgent()[0]).toMatchObject({ piece: 1, deadline: 50 + 1000 });
    reader.close();
    expect(player.urgent()).toEqual([]);
  });

  it('have critical pieces first, for as long as they are wanted and missing', () => {
    streaming.open({ start: 0, end: LENGTH });
    verify(90);
    streaming.critical(90, 92);
    unwanted.add(92);
    streaming.onSelected();
    expect(urgent()[0]).toBe(0);
    expect(urgent()[1]).toBe(91);
    expect(urgent()).not.toContain(92);
    verify(91);
    expect(urgent()).not.toContain(91);
  });

  it('make others give way only for pieces that are new and near', () => {
    const first = streaming.open({ start: 0, end: LENGTH });
    expect(jumps).toEqual([true]);
    // A player opens and closes readers at the same place.
    for (let i = 0; i < 5; i++) streaming.open({ start: 10 * i, end: LENGTH }).close();
    expect(jumps.slice(1)).not.toContain(true);
    jumps.length = 0;
    first.close();
    streaming.open({ start: 100, end: LENGTH });
    expect(jumps).toEqual([false]);
    verify(...Array.from({ length: 40 }, (_, i) => 100 + i));
    jumps.length = 0;
    const there = streaming.open({ start: 100 * PIECE, end: LENGTH });
    expect(jumps).toEqual([false]);
    there.seek(160 * PIECE);
    expect(jumps).toEqual([false, true]);
  });

  it('of a reader that reads on give way to one that has just begun', async () => {
    const player = streaming.open({ start: 0, end: LENGTH });
    for (let piece = 0; piece < 40; piece++) {
      verify(piece);
      await player.read(PIECE);
    }
    // The player seeks: its new reader is there before the old one is closed.
    const there = streaming.open({ start: 150 * PIECE, end: LENGTH });
    expect(jumps.at(-1)).toBe(true);
    expect(giveWay?.(150, 0)).toBe(false);
    expect(giveWay?.(60, 0)).toBe(true);
    expect(giveWay?.(300, 0)).toBe(true);
    jumps.length = 0;
    player.close();
    // Only what the old reader alone needed is given up: others may be asked for in the background.
    expect(jumps).toEqual([true]);
    expect([giveWay?.(60, 0), giveWay?.(151, 0), giveWay?.(300, 0)]).toEqual([true, false, false]);
    there.close();
    expect(jumps).toEqual([true]);
  });

  it('tells a seek also when the bytes at the new place are there', async () => {
    verify(50);
    const reader = streaming.open({ start: 0, end: LENGTH });
    const read = reader.read(10);
    jumps.length = 0;
    reader.seek(50 * PIECE);
    expect(await read).toHaveLength(10);
    expect(jumps[0]).toBe(true);
    expect(urgent()[0]).toBe(51);
  });

  it('are gone when all is closed, and whoever waits is told why', async () => {
    const reader = streaming.open({ start: 0, end: LENGTH });
    let ended = 0;
    reader.onClose(() => ended++);
    const read = reader.read(1);
    streaming.close(new ReaderError('CLOSED', 'over'));
    await expect(read).rejects.toThrow('over');
    expect([ended, urgent(), streaming.active]).toEqual([1, [], false]);
  });
});
