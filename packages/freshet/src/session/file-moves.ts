/** Other names and another folder for the files of a torrent, and telling of them. */

import type { MovableFiles } from '../engine/storage/torrent-folder.ts';
import type { Info } from '../protocol/index.ts';
import { ArgumentError } from './errors.ts';
import type { TorrentEvent } from './protocol.ts';

export interface FileMovesHost {
  readonly files: MovableFiles;
  /** The metadata's indexes of the files that are no padding. */
  real(): readonly number[];
  info(): Info | undefined;
  /** The folder of that name as the torrent's options have it; `undefined` where there are no folders. */
  folderOf(path: string): string | undefined;
  /** Saves the torrent's resume data, now. */
  save(): Promise<void>;
  closed(): boolean;
  now(): number;
  emit(event: TorrentEvent): void;
}

/** Milliseconds between two events about a move under way. */
const TELL_INTERVAL = 100;

export class FileMoves {
  readonly #host: FileMovesHost;

  constructor(host: FileMovesHost) {
    this.#host = host;
  }

  /** What an earlier run has renamed. */
  tell(): void {
    const { paths } = this.#host.files;
    if (paths.size > 0) this.#tellRenamed([...paths.keys()]);
  }

  /** @param index place among the files that are no padding. */
  async renameFile(index: number, path: string): Promise<void> {
    const { files } = this.#host;
    this.#info();
    const at = this.#host.real()[index];
    if (at === undefined) throw new ArgumentError(`The torrent has no file ${index}.`);
    await files.rename(new Map([[at, namesOf(path)]]));
    this.#tellRenamed([at]);
  }

  /** Gives the file, or the folder that all files are in, another name. */
  async rename(name: string): Promise<void> {
    const { files } = this.#host;
    const info = this.#info();
    const names = namesOf(name);
    if (names.length !== 1) throw new ArgumentError(`"${name}" is a path, where a name is needed.`);
    const changes = new Map<number, readonly string[]>();
    const pathOf = (at: number): readonly string[] => files.paths.get(at) ?? info.files[at]!.path;
    // What was renamed out of the folder by itself stays where it is; the folder is where most files are.
    const counts = new Map<string, number>();
    for (const at of this.#host.real()) {
      const top = pathOf(at)[0]!;
      counts.set(top, (counts.get(top) ?? 0) + 1);
    }
    const folder = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0])[0];
    for (const at of this.#host.real()) {
      const path = pathOf(at);
      if (path[0] === folder) changes.set(at, [names[0]!, ...path.slice(1)]);
    }
    await files.rename(changes);
    this.#tellRenamed([...changes.keys()]);
  }

  async move(path: string): Promise<void> {
    const { files, folderOf, save, now, emit } = this.#host;
    this.#info();
    const folder = folderOf(path);
    if (folder === undefined) throw new ArgumentError('There are no folders here: nothing can be moved.');
    let told = now();
    await files.move(folder, {
      onProgress: (moved, total) => {
        if (this.#host.closed() || (now() - told < TELL_INTERVAL && moved < total)) return;
        told = now();
        emit({ type: 'moving', moved, total });
      },
      cancelled: () => this.#host.closed(),
      save,
    });
    if (!this.#host.closed()) emit({ type: 'moved', path: files.name });
  }

  #tellRenamed(indexes: readonly number[]): void {
    const info = this.#host.info();
    const { paths } = this.#host.files;
    if (this.#host.closed() || info === undefined) return;
    const places = new Map(this.#host.real().map((at, index) => [at, index]));
    const files = indexes.flatMap((at): { index: number; path: string }[] => {
      const index = places.get(at);
      const path = paths.get(at) ?? info.files[at]?.path;
      return index === undefined || path === undefined ? [] : [{ index, path: path.join('/') }];
    });
    this.#host.emit({ type: 'renamed', files });
  }

  #info(): Info {
    const info = this.#host.info();
    if (info === undefined) throw new ArgumentError('The files are not known yet.');
    return info;
  }
}

function namesOf(path: string): readonly string[] {
  return path.split('/');
}
