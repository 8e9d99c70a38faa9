import type { Clock, TorrentObserver } from 'freshet/engine';

/** Whom a torrent found out to send wrong data. */
export interface Ban {
  readonly at: number;
  /** Its IP address; empty where that is not known. */
  readonly host: string;
  readonly reason: string;
}

/** What a torrent told its observer, with the milliseconds at which it did. */
export interface Log extends TorrentObserver {
  readonly errors: Error[];
  readonly warnings: Error[];
  readonly bans: Ban[];
  metadataAt: number | undefined;
  readyAt: number | undefined;
  doneAt: number | undefined;
}

/** @param also hears the same, after it was written down. */
export function recordLog(clock: Clock, also: Partial<TorrentObserver> = {}): Log {
  const log: Log = {
    errors: [],
    warnings: [],
    bans: [],
    metadataAt: undefined,
    readyAt: undefined,
    doneAt: undefined,
    onMetadata: (info, infoBytes) => {
      log.metadataAt = clock.now();
      also.onMetadata?.(info, infoBytes);
    },
    onChecking: (checked, total) => also.onChecking?.(checked, total),
    onReady: () => {
      log.readyAt = clock.now();
      also.onReady?.();
    },
    onVerified: (piece) => also.onVerified?.(piece),
    onDone: () => {
      log.doneAt = clock.now();
      also.onDone?.();
    },
    onDownload: (bytes) => also.onDownload?.(bytes),
    onUpload: (bytes) => also.onUpload?.(bytes),
    onPeer: (peer) => also.onPeer?.(peer),
    onPeerClosed: (peer) => also.onPeerClosed?.(peer),
    onPeerBanned: (peer, reason) =>
      void log.bans.push({ at: clock.now(), host: peer.address?.host ?? '', reason }),
    onNoPeers: (source) => also.onNoPeers?.(source),
    onAnnounce: (url) => also.onAnnounce?.(url),
    onWarning: (error) => {
      log.warnings.push(error);
      also.onWarning?.(error);
    },
    onError: (error) => {
      log.errors.push(error);
      also.onError?.(error);
    },
  };
  return log;
}
