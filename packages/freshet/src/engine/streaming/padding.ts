import { type LayoutFile, locateFile } from '../storage/layout.ts';

/** Bytes start..end - 1 of the torrent that belong to no file of the user (BEP 47). */
export interface Padding {
  readonly start: number;
  readonly end: number;
}

/** The padding between two bytes of the torrent, in order. What a reader of one file costs does not grow with the others. */
export function paddingWithin(files: readonly LayoutFile[], start: number, end: number): Padding[] {
  const found: Padding[] = [];
  for (let index = locateFile(files, start); index < files.length; index++) {
    const file = files[index]!;
    if (file.offset >= end) break;
    if (file.padding && file.length > 0) found.push({ start: file.offset, end: file.offset + file.length });
  }
  return found;
}

/** Index of the first padding that ends behind `position`; their number when none does. */
export function paddingBehind(padding: readonly Padding[], position: number): number {
  let low = 0;
  let high = padding.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (padding[middle]!.end <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
