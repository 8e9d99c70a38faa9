import type { Clock } from './ports.ts';
import { RateMeter } from './rate-meter.ts';
import type { SourceKind, TorrentStats } from './torrent-types.ts';

/** What one torrent has received and sent in this run, in bytes of block payload. */
export class TransferTotals {
  readonly #clock: Clock;
  readonly #download = new RateMeter();
  readonly #upload = new RateMeter();
  readonly #clientDownload: RateMeter;
  readonly #clientUpload: RateMeter;
  readonly #received: Record<SourceKind, number> = { tcp: 0, utp: 0, webrtc: 0, memory: 0, webseed: 0 };
  #wasted = 0;
  #hashFailures = 0;
  #verifiedPieces = 0;

  /** The meters are the client's, over all torrents. */
  constructor(clock: Clock, clientDownload: RateMeter, clientUpload: RateMeter) {
    this.#clock = clock;
    this.#clientDownload = clientDownload;
    this.#clientUpload = clientUpload;
  }

  get downloaded(): number {
    return this.#download.total;
  }

  get uploaded(): number {
    return this.#upload.total;
  }

  /** Pieces that were downloaded and verified. */
  get verifiedPieces(): number {
    return this.#verifiedPieces;
  }

  verified(): void {
    this.#verifiedPieces++;
  }

  received(kind: SourceKind, bytes: number): void {
    const now = this.#clock.now();
    this.#received[kind] += bytes;
    this.#download.add(bytes, now);
    this.#clientDownload.add(bytes, now);
  }

  sent(bytes: number): void {
    const now = this.#clock.now();
    this.#upload.add(bytes, now);
    this.#clientUpload.add(bytes, now);
  }

  wasted(bytes: number): void {
    this.#wasted += bytes;
  }

  hashFailed(pieceLength: number): void {
    this.#hashFailures++;
    this.#wasted += pieceLength;
  }

  snapshot(): Pick<
    TorrentStats,
    'received' | 'uploaded' | 'wasted' | 'downloadRate' | 'uploadRate' | 'hashFailures'
  > {
    const now = this.#clock.now();
    return {
      received: { ...this.#received },
      uploaded: this.#upload.total,
      wasted: this.#wasted,
      downloadRate: this.#download.rate(now),
      uploadRate: this.#upload.rate(now),
      hashFailures: this.#hashFailures,
    };
  }
}
