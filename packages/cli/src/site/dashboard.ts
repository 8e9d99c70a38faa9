/** Everything on the page that changes while a torrent runs. */

import type { File, PeerSnapshot, Torrent, Wire } from 'freshet';
import { formatBytes, formatSpeed } from '../ui/format.ts';
import { byId, setHidden, setLabel, setText } from './dom.ts';
import { PeerTable } from './peer-table.ts';
import { PieceMap } from './piece-map.ts';
import { percents, type Shares, SourceLedger } from './source-ledger.ts';
import { stateLine } from './state-line.ts';

/** What the page knows in numbers; tests and the curious read it as `freshet.numbers()`. */
export interface Numbers extends Shares {
  /** Bytes verified when the torrent was opened, from an earlier visit. */
  readonly kept: number;
  readonly verified: number;
  readonly length: number;
  readonly uploaded: number;
  readonly downloadSpeed: number;
  readonly uploadSpeed: number;
  readonly peers: number;
}

/** Milliseconds between two looks: often enough to seem live, seldom enough to be read. */
const INTERVAL = 300;

const SOURCES = ['viewers', 'origin', 'webseed'] as const;

export class Dashboard {
  readonly #video: HTMLVideoElement;
  readonly #map = new PieceMap(byId('map', HTMLCanvasElement));
  readonly #peers = new PeerTable();
  readonly #state = byId('state', HTMLParagraphElement);
  readonly #bar = byId('bar', HTMLDivElement);
  readonly #down = byId('down', HTMLElement);
  readonly #up = byId('up', HTMLElement);
  readonly #gave = byId('gave', HTMLElement);
  readonly #ratio = byId('ratio', HTMLElement);
  readonly #kept = byId('kept', HTMLParagraphElement);
  #shown: Watched | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking = false;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    document.addEventListener('visibilitychange', () => this.#run());
    this.#showFigures(undefined);
  }

  /** What is shown now. */
  get numbers(): Numbers | undefined {
    return this.#shown?.numbers();
  }

  show(torrent: Torrent): void {
    this.#shown?.end();
    this.#shown = new Watched(torrent);
    this.#run();
  }

  /** The file that the map is of; the whole torrent without one. */
  showFile(file: File): void {
    if (this.#shown !== undefined) this.#shown.file = file;
  }

  /** Nobody looks at a hidden page. */
  #run(): void {
    clearInterval(this.#timer);
    if (document.hidden || this.#shown === undefined) return;
    this.#timer = setInterval(() => void this.#look(), INTERVAL);
    void this.#look();
  }

  async #look(): Promise<void> {
    const shown = this.#shown;
    if (this.#looking || shown === undefined || shown.torrent.destroyed) return;
    this.#looking = true;
    try {
      const [peers, webSeeds] = await Promise.all([shown.torrent.peers(), shown.torrent.webSeeds()]);
      if (shown !== this.#shown) return;
      shown.ledger.note(peers);
      this.#showState(
        shown,
        peers,
        webSeeds.some((seed) => seed.downloadSpeed > 0),
      );
      this.#showFigures(shown);
      this.#showMap(shown);
      this.#peers.show(peers, shown.torrent.done);
    } catch {
      // The torrent has ended in between; its error is told elsewhere.
    } finally {
      this.#looking = false;
    }
  }

  #showState(shown: Watched, peers: readonly PeerSnapshot[], webSeedActive: boolean): void {
    const video = this.#video;
    const playing = shown.file !== undefined && video.hasAttribute('src') && !video.paused && !video.ended;
    const line = stateLine({
      state: shown.torrent.stats.state,
      checked: shown.checked,
      done: shown.torrent.done,
      peers: peers.length,
      giving: peers.filter((peer) => peer.downloadSpeed > 0).length,
      taking: peers.filter((peer) => peer.uploadSpeed > 0).length,
      webSeedActive,
      playing,
      stalled: playing && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
    });
    setText(this.#state, line);
  }

  #showFigures(shown: Watched | undefined): void {
    const numbers = shown?.numbers();
    const shares = numbers ?? { viewers: 0, origin: 0, webSeed: 0, total: 0 };
    const bytes = [shares.viewers, shares.origin, shares.webSeed];
    const parts = percents(shares);
    const segments = this.#bar.children;
    for (const [index, name] of SOURCES.entries()) {
      setText(byId(`from-${name}`, HTMLElement), formatBytes(bytes[index]!));
      setText(byId(`share-${name}`, HTMLElement), shares.total === 0 ? '' : `${parts[index]}%`);
      const grow = shares.total === 0 ? '0' : ((100 * bytes[index]!) / shares.total).toFixed(1);
      const { style } = segments[index] as HTMLElement;
      if (style.flexGrow !== grow) style.flexGrow = grow;
      setHidden(segments[index] as HTMLElement, bytes[index] === 0);
    }
    const label = `${parts[0]}% from other viewers, ${parts[1]}% from the site\u2019s seeder, ${parts[2]}% over plain HTTP`;
    setLabel(this.#bar, shares.total === 0 ? 'Nothing received yet' : label);
    setText(this.#down, formatSpeed(numbers?.downloadSpeed ?? 0));
    setText(this.#up, formatSpeed(numbers?.uploadSpeed ?? 0));
    setText(this.#gave, formatBytes(numbers?.uploaded ?? 0));
    const received = (numbers?.total ?? 0) + (numbers?.kept ?? 0);
    setText(this.#ratio, received === 0 ? '\u2013' : ((numbers?.uploaded ?? 0) / received).toFixed(2));
    const kept = numbers?.kept ?? 0;
    setHidden(this.#kept, kept === 0);
    if (kept > 0)
      setText(this.#kept, `${formatBytes(kept)} were kept in this browser from an earlier visit.`);
  }

  #showMap(shown: Watched): void {
    const { torrent, file } = shown;
    const { pieceLength, bitfield } = torrent;
    if (bitfield === undefined || pieceLength === 0 || bitfield.length === 0) return;
    const offset = file?.offset ?? 0;
    const end = file === undefined ? torrent.length : offset + file.length;
    const { duration, currentTime, buffered } = this.#video;
    const known = file !== undefined && Number.isFinite(duration) && duration > 0;
    const ranges: [number, number][] = [];
    for (let index = 0; known && index < buffered.length; index++)
      ranges.push([buffered.start(index) / duration, buffered.end(index) / duration]);
    const { pieces } = torrent;
    const partial = (index: number): boolean => {
      const piece = pieces[index];
      return piece !== null && piece !== undefined && piece.missing < piece.length;
    };
    this.#map.show({
      first: Math.floor(offset / pieceLength),
      last: Math.max(0, Math.ceil(end / pieceLength) - 1),
      facts: {
        verified: (index) => bitfield.get(index),
        kept: (index) => shown.keptPieces?.get(index) === true,
        partial,
      },
      // What has come so far tells every change: pieces, begun and verified, change with the bytes only.
      revision: `${torrent.infoHash} ${torrent.received} ${bitfield.count}`,
      played: known ? currentTime / duration : undefined,
      buffered: ranges,
    });
  }
}

/** One torrent on the page. */
class Watched {
  readonly torrent: Torrent;
  readonly ledger = new SourceLedger();
  file: File | undefined;
  checked = 0;
  kept = 0;
  keptPieces: Torrent['bitfield'];
  #ready = false;
  readonly #onReady = (): void => {
    const isFirst = !this.#ready;
    this.#ready = true;
    // What another tab of the site has already is here as well.
    if (isFirst) this.ledger.begin(this.torrent.stats.received);
    this.kept = isFirst || this.torrent.received === 0 ? this.torrent.downloaded : 0;
    this.keptPieces = this.kept === 0 ? undefined : this.torrent.bitfield?.clone();
  };
  readonly #onChecking = (checked: number, total: number): void => {
    this.checked = checked / (total || 1);
  };

  // What a peer gave between the last look and its end.
  readonly #onWire = (wire: Wire): void => {
    wire.once('close', () => this.ledger.note([wire.status]));
  };

  constructor(torrent: Torrent) {
    this.torrent = torrent;
    torrent.on('ready', this.#onReady).on('checking', this.#onChecking).on('wire', this.#onWire);
  }

  end(): void {
    this.torrent.off('ready', this.#onReady).off('checking', this.#onChecking).off('wire', this.#onWire);
  }

  numbers(): Numbers {
    const { stats, downloaded, length, uploaded, downloadSpeed, uploadSpeed, numPeers } = this.torrent;
    return {
      ...this.ledger.shares(stats.received),
      kept: this.kept,
      verified: downloaded,
      length,
      uploaded,
      downloadSpeed,
      uploadSpeed,
      peers: numPeers,
    };
  }
}
