/** Which files are wanted, from before the metadata is known. */

import type { Info } from '../protocol/index.ts';

/** The usual priority; 0 is unwanted and 7 the highest. */
const USUAL = 1;

export interface SelectionSettings {
  readonly deselect?: boolean | undefined;
  readonly selectOnly?: readonly number[] | undefined;
}

/** What was asked for by file and is not in force yet. */
export class FileSelection {
  #asked = new Map<number, number>();

  get isEmpty(): boolean {
    return this.#asked.size === 0;
  }

  set(index: number, priority: number): void {
    this.#asked.set(index, priority);
  }

  /** `current`, one priority for each file, with what was asked for, which is taken out. */
  applyTo(current: readonly number[]): number[] {
    const priorities = [...current];
    for (const [index, priority] of this.#asked) {
      if (index >= 0 && index < priorities.length) priorities[index] = priority;
    }
    this.#asked = new Map();
    return priorities;
  }
}

/** One priority for each file, as a torrent's settings have it; `undefined` when they say nothing. */
export function prioritiesBySettings(settings: SelectionSettings, info: Info): number[] | undefined {
  const { deselect, selectOnly } = settings;
  if (deselect === true) return info.files.map(() => 0);
  if (selectOnly === undefined) return undefined;
  const only = new Set(selectOnly);
  return info.files.map((_, index) => (only.has(index) ? USUAL : 0));
}

/** Indexes of the files that have bytes and lie in pieces `first` to `last` from end to end. */
export function filesWithin(info: Info, first: number, last: number): number[] {
  const start = first * info.pieceLength;
  const end = last >= info.pieceCount - 1 ? info.length : (last + 1) * info.pieceLength;
  const found: number[] = [];
  for (const [index, file] of info.files.entries()) {
    if (file.offset >= start && file.offset + file.length <= end && file.length > 0) found.push(index);
  }
  return found;
}
