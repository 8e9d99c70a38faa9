/** Follows one torrent and keeps what a display shows of it. */

import type { File, Torrent, WebSeedSnapshot } from 'freshet';
import { progressEvent } from './ui/json.ts';
import type { Output, View } from './ui/output.ts';
import { type TransferSnapshot, takeSnapshot, type Watched } from './ui/snapshot.ts';
import { transferLines, transferText } from './ui/transfer-view.ts';

export class TorrentWatch implements Watched {
  readonly torrent: Torrent;
  readonly label: string;
  checked: number | undefined;
  webSeeds: readonly WebSeedSnapshot[] = [];
  /** Bytes received or verified last came in at this time, in milliseconds of `performance.now()`. */
  lastArrival: number = performance.now();
  readonly #wanted: (file: File, place: number) => boolean;
  readonly #timer: NodeJS.Timeout;

  constructor(torrent: Torrent, label: string, wanted: (file: File, place: number) => boolean = () => true) {
    this.torrent = torrent;
    this.label = label;
    this.#wanted = wanted;
    const arrived = (): void => {
      this.lastArrival = performance.now();
    };
    torrent.on('metadata', arrived);
    torrent.on('download', arrived);
    torrent.on('verified', arrived);
    torrent.on('checking', (checked, total) => {
      this.checked = checked < total ? checked / total : undefined;
      arrived();
    });
    torrent.on('ready', () => {
      this.checked = undefined;
      arrived();
    });
    this.#timer = setInterval(() => this.#look(), 1_000);
    this.#timer.unref();
    torrent.once('close', () => clearInterval(this.#timer));
  }

  isWanted(file: File, place: number): boolean {
    return this.#wanted(file, place);
  }

  snapshot(): TransferSnapshot {
    return takeSnapshot(this);
  }

  /** As a display shows it. */
  view(): View {
    return {
      lines: (size, theme) => transferLines(this.snapshot(), size, theme),
      text: () => transferText(this.snapshot()),
      json: () => progressEvent(this.snapshot()),
    };
  }

  #look(): void {
    if (this.torrent.destroyed || this.torrent.infoHash === undefined) return;
    this.torrent.webSeeds().then(
      (seeds) => {
        this.webSeeds = seeds;
      },
      // Destroyed in between: there is nothing to show any more.
      () => {},
    );
  }
}

/** Tells what fails outside, once for each sentence: trackers repeat themselves. */
export function tellWarnings(torrent: Torrent, output: Output): void {
  const told = new Set<string>();
  torrent.on('warning', (error) => {
    if (told.has(error.message) || told.size >= 50) return;
    told.add(error.message);
    output.warn(error);
  });
}
