import type { Disk } from '../ports.ts';

/** The disk, which tells when it has been closed, and lets more be removed when its files have been. */
export function withEnd(
  disk: Disk,
  end: { readonly closed?: (() => void) | undefined; readonly destroyed?: (() => Promise<void>) | undefined },
): Disk {
  const closed = (): void => end.closed?.();
  return {
    length: disk.length,
    read: (offset, into) => disk.read(offset, into),
    write: (offset, parts) => disk.write(offset, parts),
    setWanted: (wanted) => disk.setWanted(wanted),
    flush: () => disk.flush(),
    fingerprints: () => disk.fingerprints(),
    changedFiles: disk.changedFiles && ((limit) => disk.changedFiles!(limit)),
    allocate: disk.allocate && ((onProgress) => disk.allocate!(onProgress)),
    trim: disk.trim && (() => disk.trim!()),
    close: () => disk.close().finally(closed),
    destroy: () =>
      disk
        .destroy()
        .then(() => end.destroyed?.())
        .finally(closed),
  };
}
