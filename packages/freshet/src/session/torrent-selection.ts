/** What of a torrent is wanted, from before its metadata is known: told to the engine as soon as that can hear it. */

import type { Torrent } from '../engine/index.ts';
import type { Info } from '../protocol/index.ts';
import { ArgumentError } from './errors.ts';
import {
  FileSelection,
  filesWithin,
  prioritiesBySettings,
  realFiles,
  type SelectionSettings,
} from './file-selection.ts';

/** The engine's torrent, as far as its selection goes. */
export type SelectableTorrent = Pick<
  Torrent,
  'filePriorities' | 'setFilePriorities' | 'selectPieces' | 'deselectPieces' | 'criticalPieces'
>;

export interface TorrentSelectionHost {
  /** What the torrent was added with. */
  settings(): SelectionSettings;
  /** Something else is wanted than before. */
  changed(): void;
  /** A command from before the metadata asked for what there is not. */
  warn(error: unknown): void;
}

type Command = (torrent: SelectableTorrent, info: Info) => void;

export class TorrentSelection {
  readonly #host: TorrentSelectionHost;
  readonly #asked = new FileSelection();
  #info: Info | undefined;
  /** The metadata's indexes of the files that are no padding. */
  #files: readonly number[] = [];
  /** Once its storage has been open. */
  #torrent: SelectableTorrent | undefined;
  /** Priorities of the files, for when the storage is opened again. */
  #priorities: readonly number[] | undefined;
  /** Commands from before the storage was open. */
  #late: Command[] = [];
  #gathering = false;

  constructor(host: TorrentSelectionHost) {
    this.#host = host;
  }

  /** The metadata's indexes of the files that people see. */
  get files(): readonly number[] {
    return this.#files;
  }

  /** Listeners are being told of the storage, and what they select is gathered. */
  get gathering(): boolean {
    return this.#gathering;
  }

  /** Returns the places of the files that are not wanted at first. */
  onMetadata(info: Info): number[] {
    this.#info = info;
    this.#files = realFiles(info);
    const wanted = this.#bySettings(info);
    return this.#files.flatMap((at, place) => (wanted?.[at] === 0 ? [place] : []));
  }

  /** One priority for each file of the metadata, for storage that is being opened; `undefined` for all. */
  prioritiesFor(info: Info): readonly number[] | undefined {
    return this.#priorities ?? this.#bySettings(info);
  }

  /**
   * The storage is open, for the first time or again. `tell` tells others, who may select in turn; nothing is
   * requested before this returns. Returns what `tell` does.
   */
  onOpened<T>(torrent: SelectableTorrent, tell: () => T): T | undefined {
    const info = this.#info;
    if (info === undefined) return undefined;
    this.#gathering = true;
    if (this.#torrent === undefined) {
      this.#torrent = torrent;
      // What is asked for now outweighs what was kept from an earlier run.
      const asked = this.#bySettings(info);
      if (asked !== undefined) torrent.setFilePriorities(asked);
      this.#apply();
      for (const command of this.#late.splice(0)) this.#runLate(() => command(torrent, info));
    }
    const told = tell();
    this.#apply();
    this.#gathering = false;
    return told;
  }

  selectFiles(files: readonly { readonly index: number; readonly priority: number }[]): void {
    for (const { index, priority } of files) this.#asked.set(index, priority);
    if (this.#torrent === undefined || this.#gathering) return;
    // Programs select in loops, and each change of the selection looks at all files.
    void Promise.resolve().then(() => this.#apply());
  }

  /** @throws {ArgumentError} as the others, when there are no such pieces. */
  selectPieces(first: number, last: number, priority: number): void {
    this.#withPieces(first, last, (torrent) => torrent.selectPieces(first, last, priority));
  }

  deselectPieces(first: number, last: number): void {
    this.#withPieces(first, last, (torrent, info) => {
      // Files of which no piece is wanted are not wanted themselves, and so not created.
      for (const place of filesWithin(info, first, last, this.#files)) this.#asked.set(place, 0);
      this.#apply();
      torrent.deselectPieces(first, last);
    });
  }

  criticalPieces(first: number, last: number): void {
    this.#withPieces(first, last, (torrent) => torrent.criticalPieces(first, last));
  }

  /** Nothing is selected any more. */
  close(): void {
    this.#torrent = undefined;
    this.#info = undefined;
    this.#late = [];
  }

  #apply(): void {
    const torrent = this.#torrent;
    if (torrent === undefined || this.#asked.isEmpty) return;
    this.#priorities = this.#asked.applyTo(torrent.filePriorities(), this.#files);
    torrent.setFilePriorities(this.#priorities);
    this.#host.changed();
  }

  #withPieces(first: number, last: number, command: Command): void {
    const info = this.#info;
    const torrent = this.#torrent;
    const valid = Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last;
    if (!valid) throw new ArgumentError(`"${first} to ${last}" is no range of pieces.`);
    if (info !== undefined) requirePieces(info, first, last);
    if (info === undefined || torrent === undefined) {
      this.#late.push((opened, known) => {
        requirePieces(known, first, last);
        command(opened, known);
      });
      return;
    }
    this.#apply();
    command(torrent, info);
    this.#host.changed();
  }

  #runLate(command: () => void): void {
    try {
      command();
    } catch (error) {
      this.#host.warn(error);
    }
  }

  #bySettings(info: Info): number[] | undefined {
    return prioritiesBySettings(this.#host.settings(), info, this.#files);
  }
}

/** @throws {ArgumentError} */
function requirePieces({ pieceCount }: Info, first: number, last: number): void {
  if (last < pieceCount) return;
  throw new ArgumentError(`There are no pieces ${first} to ${last} in a torrent of ${pieceCount}.`);
}
