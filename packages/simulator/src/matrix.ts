/** All combinations of what can be there before a download, what is downloaded, from whom, and what happens on the way. */

import type { TorrentVersion } from 'freshet/protocol';

const AXES = {
  /**
   * Files that are there: none, all wholly wrong, each partly right and one of them not there; all longer than they
   * should be, the first of several right for the rest and the others partly.
   */
  existing: ['none', 'wrong', 'partly right', 'too long'],
  version: [1, 2, 'hybrid'],
  /** Piece length; with 1 MiB a file is much smaller or larger than a piece. */
  pieces: ['16 KiB', '64 KiB', '1 MiB, less than one', '1 MiB'],
  files: ['one', 'several'],
  input: ['torrent', 'magnet'],
  webSeed: ['none', 'beside peers', 'only'],
  lies: ['nobody', 'a peer', 'the web seed'],
  /** In mid-download: an orderly end with resume data; a crash that leaves the files as they are, and nothing else. */
  restart: ['none', 'with resume data', 'after a crash'],
} as const;

export interface Cell {
  readonly existing: (typeof AXES.existing)[number];
  readonly version: TorrentVersion;
  readonly pieces: (typeof AXES.pieces)[number];
  readonly files: (typeof AXES.files)[number];
  readonly input: (typeof AXES.input)[number];
  readonly webSeed: (typeof AXES.webSeed)[number];
  readonly lies: (typeof AXES.lies)[number];
  readonly restart: (typeof AXES.restart)[number];
}

/** Why a combination is no download. The first that applies counts. */
export const LEFT_OUT: readonly { readonly why: string; applies(cell: Cell): boolean }[] = [
  {
    why: 'a magnet link with a web seed only: nobody has the metadata',
    applies: (cell) => cell.input === 'magnet' && cell.webSeed === 'only',
  },
  {
    why: 'a peer lies, and there are no peers',
    applies: (cell) => cell.lies === 'a peer' && cell.webSeed === 'only',
  },
  {
    why: 'the web seed lies, and there is none',
    applies: (cell) => cell.lies === 'the web seed' && cell.webSeed === 'none',
  },
  {
    why: 'the web seed lies, and nobody else has the content',
    applies: (cell) => cell.lies === 'the web seed' && cell.webSeed === 'only',
  },
];

export interface Matrix {
  readonly cells: readonly Cell[];
  /** Combinations that are none, by the reason. */
  readonly leftOut: ReadonlyMap<string, number>;
}

export function buildMatrix(): Matrix {
  let combinations: Record<string, unknown>[] = [{}];
  for (const [axis, values] of Object.entries(AXES)) {
    combinations = combinations.flatMap((cell) => values.map((value) => ({ ...cell, [axis]: value })));
  }
  const cells: Cell[] = [];
  const leftOut = new Map<string, number>();
  for (const combination of combinations) {
    const cell = combination as unknown as Cell;
    const rule = LEFT_OUT.find(({ applies }) => applies(cell));
    if (rule === undefined) cells.push(cell);
    else leftOut.set(rule.why, (leftOut.get(rule.why) ?? 0) + 1);
  }
  return { cells, leftOut };
}

/** One cell in `stride`, from the one with the number `offset`. */
export function sampleOfMatrix(cells: readonly Cell[], stride: number, offset: number): readonly Cell[] {
  return cells.filter((_, i) => i % stride === offset % stride);
}

/** All pairs of values of two axes that occur in the cells, as in `version=2 restart=none`. */
export function pairsOf(cells: readonly Cell[]): ReadonlySet<string> {
  const pairs = new Set<string>();
  for (const cell of cells) {
    const values = Object.entries(cell).map(([axis, value]) => `${axis}=${value}`);
    for (const [i, first] of values.entries()) {
      for (const second of values.slice(i + 1)) pairs.add(`${first} ${second}`);
    }
  }
  return pairs;
}

/** Bytes of a cell's files; an empty one, a tiny one and one that ends in mid-piece are among several. */
export function fileLengths({ pieces, files }: Pick<Cell, 'pieces' | 'files'>): readonly number[] {
  const one = { '16 KiB': 100_001, '64 KiB': 200_003, '1 MiB, less than one': 150_000, '1 MiB': 1_200_000 }[
    pieces
  ];
  if (files === 'one') return [one];
  const first = Math.floor(one * 0.4);
  return [first, 0, 3, Math.floor(one * 0.35), one - first - Math.floor(one * 0.35)];
}

export function pieceLength({ pieces }: Pick<Cell, 'pieces'>): number {
  const kibibytes = { '16 KiB': 16, '64 KiB': 64, '1 MiB, less than one': 1024, '1 MiB': 1024 }[pieces];
  return kibibytes * 1024;
}

/** As in `2/64 KiB/several/magnet/web seed none/lies a peer/existing wrong/restart none`. */
export function cellName(cell: Cell): string {
  const { version, pieces, files, input, webSeed, lies, existing, restart } = cell;
  return [
    `version ${version}`,
    pieces,
    `${files} file${files === 'one' ? '' : 's'}`,
    input,
    `web seed ${webSeed}`,
    `lies: ${lies}`,
    `existing: ${existing}`,
    `restart ${restart}`,
  ].join(' / ');
}
