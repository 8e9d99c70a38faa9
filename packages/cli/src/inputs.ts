/** Files and folders that a torrent is to be made of. */

import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError, ExitCode, systemCode, usageError } from './exit.ts';

/** @throws {CliError} naming the first path that is missing, unreadable or empty. */
export async function checkInputs(paths: readonly string[]): Promise<void> {
  for (const path of paths) await checkInput(path);
}

async function checkInput(path: string): Promise<void> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) {
      if (!(await hasBytes(path)))
        throw usageError(`"${path}" has no files with anything in them, so there is nothing to seed.`);
    } else if (!stats.isFile()) {
      throw usageError(`"${path}" is neither a file nor a folder.`);
    } else if (stats.size === 0) {
      throw usageError(`"${path}" is empty, so there is nothing to seed.`);
    } else {
      await (await open(path)).close();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw usageError(`There is no file or folder "${path}".`, error);
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CliError(
        ExitCode.failure,
        `"${path}" may not be read by this user; change its permissions.`,
        {
          cause: error,
        },
      );
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(ExitCode.failure, `"${path}" cannot be read: ${why}.`, { cause: error });
  }
}

async function hasBytes(folder: string): Promise<boolean> {
  const folders: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    // The library leaves hidden files out.
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) folders.push(path);
    else if ((await stat(path)).size > 0) return true;
  }
  for (const inner of folders) if (await hasBytes(inner)) return true;
  return false;
}
