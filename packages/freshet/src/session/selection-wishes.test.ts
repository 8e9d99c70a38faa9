import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Info } from '../protocol/index.ts';
import { type PieceWish, priorityOfPieces, SelectionWishes } from './selection-wishes.ts';
import { SharedSelection } from './shared-selection.ts';
import { type SelectableTorrent, TorrentSelection } from './torrent-selection.ts';

const PIECE = 10;
const PIECES = 12;

function metadataOf(lengths: readonly number[]): Info {
  let offset = 0;
  const files = lengths.map((length) => {
    const file = { offset, length, padding: false };
    offset += length;
    return file;
  });
  return {
    files,
    length: offset,
    pieceLength: PIECE,
    pieceCount: Math.ceil(offset / PIECE),
  } as unknown as Info;
}

/** An engine's torrent, as far as its selection goes. */
class Engine implements SelectableTorrent {
  files: readonly number[];
  pieces: Uint8Array;
  readonly #info: Info;

  constructor(info: Info) {
    this.#info = info;
    this.files = info.files.map(() => 1);
    this.pieces = priorityOfPieces(this.files, info);
  }

  filePriorities(): number[] {
    return [...this.files];
  }
  setFilePriorities(priorities: readonly number[]): void {
    this.files = priorities;
    this.pieces = priorityOfPieces(priorities, this.#info);
  }
  selectPieces(first: number, last: number, priority = 1): void {
    this.pieces.fill(priority, first, last + 1);
  }
  deselectPieces(first: number, last: number): void {
    this.pieces.fill(0, first, last + 1);
  }
  criticalPieces(): void {}
}

type Wish = { readonly file: number; readonly priority: number } | PieceWish;

const lengths = fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 6 });
const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.record({ file: fc.nat(5), priority: fc.nat(7) }),
  fc
    .record({ a: fc.nat(PIECES), b: fc.nat(PIECES), priority: fc.nat(7) })
    .map(({ a, b, priority }) => ({ first: Math.min(a, b), last: Math.max(a, b), priority })),
);

function say(wishes: SelectionWishes, said: Wish): void {
  if ('file' in said) wishes.selectFiles([{ index: said.file, priority: said.priority }]);
  else wishes.selectPieces(said);
}

function tell(selection: TorrentSelection, said: Wish): void {
  try {
    if ('file' in said) selection.selectFiles([{ index: said.file, priority: said.priority }]);
    else if (said.priority === 0) selection.deselectPieces(said.first, said.last);
    else selection.selectPieces(said.first, said.last, said.priority);
  } catch {
    // No such pieces.
  }
}

async function openSelection(
  info: Info,
  deselect: boolean,
): Promise<{ engine: Engine; selection: TorrentSelection }> {
  const engine = new Engine(info);
  const selection = new TorrentSelection({
    settings: () => ({ deselect }),
    changed: () => undefined,
    warn: () => undefined,
  });
  selection.onMetadata(info);
  return { engine, selection };
}

describe('SelectionWishes', () => {
  it('comes to what the engine has made of the same commands, and makes another engine come to it', async () => {
    let told = 0;
    const property = fc.asyncProperty(
      lengths.filter((all) => all.some((length) => length > 0)),
      fc.boolean(),
      fc.array(wish, { maxLength: 5 }),
      fc.array(wish, { maxLength: 20 }),
      async (all, deselect, before, after) => {
        const info = metadataOf(all);
        const settings = { deselect };
        const { engine, selection } = await openSelection(info, deselect);
        const wishes = new SelectionWishes();
        wishes.onMetadata(info);
        // Files first: what is said of pieces before there is storage comes after what is said of files.
        for (const said of before.toSorted((a, b) => Number('file' in b) - Number('file' in a))) {
          say(wishes, said);
          tell(selection, said);
        }
        selection.onOpened(engine, () => undefined);
        wishes.onReady();
        for (const said of after) {
          say(wishes, said);
          tell(selection, said);
          // Each in a turn of its own.
          await Promise.resolve();
          told++;
        }
        const files = wishes.filePriorities(settings, info);
        expect([...wishes.piecePriorities(files, info)]).toEqual([...engine.pieces]);

        const next = await openSelection(info, deselect);
        next.selection.selectFiles(wishes.files);
        for (const said of wishes.pieces) tell(next.selection, said);
        next.selection.onOpened(next.engine, () => undefined);
        expect([...next.engine.pieces]).toEqual([...engine.pieces]);
      },
    );
    await fc.assert(property, { numRuns: 300 });
    expect(told).toBeGreaterThan(500);
  });

  it('does not grow with what is said', () => {
    const info = metadataOf([50_000]);
    const wishes = new SelectionWishes();
    const plain = new Uint8Array(5000).fill(1);
    for (let i = 0; i < 3000; i++) wishes.selectPieces({ first: i, last: i, priority: 2 });
    wishes.onMetadata(info);
    for (let i = 0; i < 5000; i++) {
      const said = { first: (i * 7) % 4000, last: ((i * 7) % 4000) + 20, priority: i % 3 };
      wishes.selectPieces(said);
      plain.fill(said.priority, said.first, said.last + 1);
      wishes.criticalPieces(i, i);
    }
    expect(wishes.pieces.length).toBeLessThan(1000);
    expect(wishes.critical.length).toBeLessThan(100);
    expect([...wishes.piecePriorities([1], info)].slice(0, 3900)).toEqual([...plain].slice(0, 3900));
  });
});

describe('SharedSelection', () => {
  it('is of each piece and file the highest that any has, and says no more than has changed', async () => {
    const property = fc.asyncProperty(
      lengths.filter((all) => all.some((length) => length > 0)),
      fc.array(fc.record({ deselect: fc.boolean(), said: fc.array(wish, { maxLength: 6 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      async (all, clients) => {
        const info = metadataOf(all);
        const wishers = clients.map(({ deselect, said }) => {
          const wishes = new SelectionWishes();
          wishes.onMetadata(info);
          wishes.onReady();
          for (const each of said) say(wishes, each);
          return { settings: { deselect }, wishes };
        });
        const shared = new SharedSelection();
        const change = shared.update(wishers, info);
        const engine = new Engine(info);
        engine.setFilePriorities(change!.files.map(({ priority }) => priority));
        for (const { first, last, priority } of change!.pieces) engine.selectPieces(first, last, priority);
        const expected = new Uint8Array(info.pieceCount);
        for (const { settings, wishes } of wishers) {
          const own = wishes.piecePriorities(wishes.filePriorities(settings, info), info);
          for (const [piece, priority] of own.entries()) {
            expected[piece] = Math.max(expected[piece]!, priority);
          }
        }
        expect([...engine.pieces]).toEqual([...expected]);
        expect(shared.update(wishers, info)).toBeUndefined();
        expect(shared.isMissingAny(() => true)).toBe(false);
        expect(shared.isMissingAny(() => false)).toBe(expected.some((priority) => priority > 0));
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });
});
