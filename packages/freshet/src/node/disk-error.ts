import { DiskError } from '../engine/ports.ts';
import { errorCode } from './system-error.ts';

export type DiskAction = 'read' | 'write';

/** The fault of a file operation, with a sentence that names the file and says what to do. */
export function diskError(error: unknown, path: string, action: DiskAction): DiskError {
  if (error instanceof DiskError) return error;
  const cause = { cause: error };
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new DiskError(
        'FULL',
        path,
        `There is no space left to write ${path}; free some and resume`,
        cause,
      );
    case 'EFBIG':
      return new DiskError(
        'IO',
        path,
        `The file system cannot hold a file as large as ${path}; choose a folder on another one`,
        cause,
      );
    case 'EROFS':
      return new DiskError(
        'READ_ONLY',
        path,
        `${path} is on a read-only file system; choose another folder`,
        cause,
      );
    case 'EACCES':
    case 'EPERM':
      return action === 'write'
        ? new DiskError(
            'READ_ONLY',
            path,
            `${path} may not be written by this user; change its permissions or choose another folder`,
            cause,
          )
        : new DiskError('IO', path, `${path} may not be read by this user; change its permissions`, cause);
    case 'ENOENT':
      return new DiskError(
        'NOT_FOUND',
        path,
        `${path} does not exist; put it back or check the torrent again`,
        cause,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return action === 'write'
        ? new DiskError(
            'IO',
            path,
            `${path} needs a folder where there is a file; move that file away`,
            cause,
          )
        : new DiskError(
            'NOT_FOUND',
            path,
            `${path} does not exist: there is a file in the place of its folder`,
            cause,
          );
    case 'EISDIR':
      return isFolder(path, cause);
    case 'ELOOP':
      return symbolicLink(path, cause);
    case 'ENAMETOOLONG':
      return new DiskError(
        'IO',
        path,
        `The name ${path} is too long for this file system; choose a folder with a shorter path`,
        cause,
      );
    case 'EMFILE':
    case 'ENFILE':
      return new DiskError(
        'IO',
        path,
        `${path} cannot be opened because too many files are open; raise the limit with "ulimit -n"`,
        cause,
      );
    case 'EBADF':
      return new DiskError('CLOSED', path, `${path} is closed already`, cause);
    case 'EIO':
      return new DiskError(
        'IO',
        path,
        `The disk reports a fault at ${path}; check the disk, then check the torrent again`,
        cause,
      );
    default: {
      const reason = error instanceof Error ? error.message : String(error);
      return new DiskError(
        'IO',
        path,
        `${path} cannot be ${action === 'write' ? 'written' : 'read'}: ${reason}`,
        cause,
      );
    }
  }
}

export function isFolder(path: string, options?: { cause?: unknown }): DiskError {
  return new DiskError(
    'IO',
    path,
    `${path} is a folder where a file is needed; move that folder away`,
    options,
  );
}

export function symbolicLink(path: string, options?: { cause?: unknown }): DiskError {
  return new DiskError(
    'UNSAFE_PATH',
    path,
    `${path} is or goes through a symbolic link that leaves the download folder; remove that link`,
    options,
  );
}
