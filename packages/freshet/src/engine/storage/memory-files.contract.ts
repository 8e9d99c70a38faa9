/** A mapped disk over files in memory, for tests. */

import type { MemoryFileStore } from '../../memory/index.ts';
import type { ContractFile } from '../contracts/disk.contract.ts';
import type { Disk } from '../ports.ts';
import type { LayoutFile } from './layout.ts';
import { type MappedDiskOptions, openMappedDisk } from './mapped-disk.ts';

const infoHash = new Uint8Array(20).fill(0xab);
export const PARTS = `.freshet-${'ab'.repeat(20)}.parts`;

export function layout(files: readonly ContractFile[]): { length: number; files: LayoutFile[] } {
  let length = 0;
  const placed = files.map((file) => {
    const entry = {
      path: file.path,
      length: file.length,
      offset: length,
      padding: file.padding === true,
    };
    length += file.length;
    return entry;
  });
  return { length, files: placed };
}

export function openDisk(
  files: readonly ContractFile[],
  store: MemoryFileStore,
  options: Partial<MappedDiskOptions> = {},
): Disk {
  return openMappedDisk({ info: layout(files), infoHash, store, ...options });
}

export async function readAll(disk: Disk): Promise<Uint8Array> {
  const into = new Uint8Array(disk.length);
  return into.subarray(0, await disk.read(0, into));
}
