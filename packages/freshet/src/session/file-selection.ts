/** Which files are wanted, from before the metadata is known. */

import type { Info } from '../protocol/index.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';

/** The usual priority; 0 is unwanted and 7 the highest. */
const USUAL = 1;

export interface SelectionSettings {
  readonly deselect?: boolean | undefined;
  readonly selectOnly?: readonly number[] | undefined;
}

/** What was asked for by file and is not in force yet. */
export class FileSelection {
  #asked = new LazyMap<number, number>();

  get isEmpty(): boolean {
    return this.#asked.size === 0;
  }

  /** @param index pad files not counted. */
  set(index: number, priority: number): void {
    this.#asked.set(index, priority);
  }

  /**
   * `current`, one priority for each file of the metadata, with what was asked for, which is taken out.
   * @param files the metadata's indexes of the files that are no padding.
   */
  applyTo(current: readonly number[], files: readonly number[]): number[] {
    const priorities = [...current];
    for (const [index, priority] of this.#asked) {
      const at = files[index];
      if (at !== undefined) priorities[at] = priority;
    }
    this.#asked = new LazyMap();
    return priorities;
  }
}

/** The metadata's indexes of the files that are no padding: those that people see, count and select. */
export function realFiles(info: Pick<Info, 'files'>): number[] {
  const found = info.files.flatMap((file, index) => (file.padding ? [] : [index]));
  // As long as it needs to be: most torrents have few files, and their client many torrents.
  return found.slice();
}

/**
 * One priority for each file of the metadata, as a torrent's settings have it; `undefined` when they say nothing.
 * @param files as `realFiles` gives them.
 */
export function prioritiesBySettings(
  settings: SelectionSettings,
  info: Pick<Info, 'files'>,
  files: readonly number[],
): number[] | undefined {
  const { deselect, selectOnly } = settings;
  if (deselect !== true && selectOnly === undefined) return undefined;
  const priorities = info.files.map(() => 0);
  if (deselect === true) return priorities;
  for (const index of selectOnly ?? []) {
    const at = files[index];
    if (at !== undefined) priorities[at] = USUAL;
  }
  return priorities;
}

/** Where the files lie among the pieces: an `Info`, or what a snapshot has of it. */
export interface PiecesAndFiles extends Pick<Info, 'pieceLength' | 'pieceCount' | 'length'> {
  readonly files: readonly { readonly offset: number; readonly length: number }[];
}

/**
 * Places among the files that are no padding of those that have bytes and lie in pieces `first` to `last` from end to
 * end.
 */
export function filesWithin(
  info: PiecesAndFiles,
  first: number,
  last: number,
  files: readonly number[],
): number[] {
  const start = first * info.pieceLength;
  const end = last >= info.pieceCount - 1 ? info.length : (last + 1) * info.pieceLength;
  const found: number[] = [];
  for (const [place, index] of files.entries()) {
    const file = info.files[index]!;
    if (file.offset >= start && file.offset + file.length <= end && file.length > 0) found.push(place);
  }
  return found;
}
