/** A torrent's storage on real files. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContractFile, diskContract } from '../engine/contracts/disk.contract.ts';
import type { Disk } from '../engine/ports.ts';
import { openMappedDisk } from '../engine/storage/mapped-disk.ts';
import { NodeFileStore } from './files.ts';

function open(root: string, files: readonly ContractFile[], wanted?: readonly boolean[]): Disk {
  let length = 0;
  const placed = files.map((file) => {
    const offset = length;
    length += file.length;
    return { path: file.path, length: file.length, offset, padding: file.padding === true };
  });
  return openMappedDisk({
    info: { length, files: placed },
    infoHash: new Uint8Array(20).fill(7),
    store: new NodeFileStore(root),
    wanted,
  });
}

diskContract('mapped over files', async (files) => {
  const root = mkdtempSync(join(tmpdir(), 'freshet-disk-'));
  return {
    disk: open(root, files),
    reopen: async (wanted) => open(root, files, wanted),
    fileExists: async (path) => existsSync(join(root, ...path)),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
});
