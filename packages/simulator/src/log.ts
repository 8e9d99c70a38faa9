import type { Clock, TorrentObserver } from 'freshet/engine';

/** What a torrent told its observer, with the milliseconds at which it did. */
export interface Log extends TorrentObserver {
  readonly errors: Error[];
  readonly warnings: Error[];
  metadataAt: number | undefined;
  readyAt: number | undefined;
  doneAt: number | undefined;
}

export function recordLog(clock: Clock): Log {
  const log: Log = {
    errors: [],
    warnings: [],
    metadataAt: undefined,
    readyAt: undefined,
    doneAt: undefined,
    onMetadata: () => {
      log.metadataAt = clock.now();
    },
    onChecking: () => {},
    onReady: () => {
      log.readyAt = clock.now();
    },
    onVerified: () => {},
    onDone: () => {
      log.doneAt = clock.now();
    },
    onDownload: () => {},
    onUpload: () => {},
    onPeer: () => {},
    onPeerClosed: () => {},
    onNoPeers: () => {},
    onAnnounce: () => {},
    onWarning: (error) => void log.warnings.push(error),
    onError: (error) => void log.errors.push(error),
  };
  return log;
}
