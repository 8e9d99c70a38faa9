/** What a torrent consists of, once its metadata is known: files, where they are kept, what of them is verified. */

import { LazyMap } from '../protocol/lazy-collections.ts';
import type { FileSnapshot, MetadataSnapshot } from '../session/protocol.ts';
import type { File } from './file.ts';
import { Progress } from './progress.ts';

export class Contents {
  #metadata: MetadataSnapshot | undefined;
  #progress: Progress | undefined;
  #torrentFile: Uint8Array | undefined;
  #makeFile: ((snapshot: FileSnapshot) => File) | undefined;
  #files: File[] | undefined;
  /** Paths of files that are kept elsewhere than the torrent has them, by index. */
  readonly #renamed: Map<number, string> = new LazyMap();

  get metadata(): MetadataSnapshot | undefined {
    return this.#metadata;
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  get torrentFile(): Uint8Array | undefined {
    return this.#torrentFile ?? this.#metadata?.torrentFile;
  }

  /** Made when somebody first looks: a torrent can have a million. */
  get files(): File[] {
    const [metadata, makeFile] = [this.#metadata, this.#makeFile];
    if (metadata === undefined || makeFile === undefined) return [];
    this.#files ??= metadata.files.map(makeFile);
    return this.#files;
  }

  /** Verified bytes of a file. */
  downloaded(index: number): number {
    return this.#progress?.downloaded(index) ?? 0;
  }

  /** Where a file is kept, if it was renamed. */
  renamedTo(index: number): string | undefined {
    return this.#renamed.get(index);
  }

  onMetadata(metadata: MetadataSnapshot, makeFile: (snapshot: FileSnapshot) => File): void {
    this.#metadata = metadata;
    this.#makeFile = makeFile;
    this.#files = undefined;
    this.#progress = new Progress(metadata);
  }

  /** It is complete only now, as what belongs into it has come from peers. */
  onTorrentFile(torrentFile: Uint8Array): void {
    this.#torrentFile = torrentFile;
  }

  onRenamed(files: readonly { readonly index: number; readonly path: string }[]): void {
    for (const { index, path } of files) this.#renamed.set(index, path);
  }

  /** What is verified, from the beginning. Returns the files that are complete and were not before. */
  onReady(verified: Uint8Array): number[] {
    return this.#progress?.reset(verified) ?? [];
  }

  /** More is verified. Returns the files that are complete with it. */
  onProgress(
    verified: readonly number[],
    partial: readonly (readonly [index: number, received: number])[],
  ): number[] {
    const progress = this.#progress;
    if (progress === undefined) return [];
    progress.setPartial(partial);
    return verified.flatMap((index) => progress.verify(index));
  }

  /** Nobody can listen to files that nobody has looked at. */
  tellDone(complete: readonly number[]): void {
    for (const index of complete) this.#files?.[index]?.emit('done');
  }
}
