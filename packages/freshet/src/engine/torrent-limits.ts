import { RateLimiter } from './rate-limiter.ts';
import type { TorrentHost } from './torrent-host.ts';

/** One torrent's own limits, below those of the client. */
export class TorrentLimits {
  readonly download: RateLimiter;
  readonly upload: RateLimiter;

  constructor(
    host: Pick<TorrentHost, 'ports' | 'downloadLimiter' | 'uploadLimiter'>,
    limits: { readonly downloadLimit?: number | undefined; readonly uploadLimit?: number | undefined },
  ) {
    const { clock } = host.ports;
    this.download = new RateLimiter(clock, limits.downloadLimit, host.downloadLimiter);
    this.upload = new RateLimiter(clock, limits.uploadLimit, host.uploadLimiter);
  }

  /** Bytes per second; `undefined` for no limit of its own, 0 for nothing. */
  set(download: number | undefined, upload: number | undefined): void {
    this.download.setRate(download);
    this.upload.setRate(upload);
  }

  close(): void {
    this.download.close();
    this.upload.close();
  }
}
