/** Writes `.torrent` files. */

import { access, writeFile } from 'node:fs/promises';
import { CliError, ExitCode, systemCode, usageError } from './exit.ts';

/** Before the work of hashing. @throws {CliError} when there is a file already that may not be replaced. */
export async function refuseExisting(path: string, force: boolean): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists && !force) throw alreadyThere(path);
}

export async function writeTorrentFile(path: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    switch (systemCode(error)) {
      case 'EEXIST':
        throw alreadyThere(path);
      case 'ENOENT':
      case 'ENOTDIR':
        throw usageError(`${path} cannot be written: its folder does not exist.`, error);
      case 'EISDIR':
        throw usageError(`${path} is a folder; name a file in it.`, error);
      case 'ENOSPC':
      case 'EDQUOT':
        throw diskError(path, 'the disk is full', error);
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        throw diskError(path, 'this user may not write there, or the disk is read-only', error);
      default:
        throw diskError(path, error instanceof Error ? error.message : String(error), error);
    }
  }
}

function alreadyThere(path: string): CliError {
  return usageError(`${path} is there already; add --force to replace it, or name another file.`);
}

function diskError(path: string, why: string, cause: unknown): CliError {
  return new CliError(ExitCode.disk, `${path} cannot be written: ${why}.`, { cause });
}
