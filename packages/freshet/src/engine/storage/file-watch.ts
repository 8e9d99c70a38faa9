/** Knows what each file looked like when it was last seen, so that a change by somebody else stands out. */

import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';
import type { FileFingerprint } from '../ports.ts';
import { inTurns } from './in-turns.ts';

const NO_FILE: FileFingerprint = { size: -1, modified: 0 };

export interface FileWatchOptions {
  readonly count: number;
  /** Pad files are nowhere. */
  isStored(index: number): boolean;
  stat(index: number): Promise<FileFingerprint>;
}

export class FileWatch {
  readonly #options: FileWatchOptions;
  /** `undefined` where the file was written to since, or never looked at. */
  readonly #prints: (FileFingerprint | undefined)[];
  /** Writes under way. */
  readonly #writing = new LazyMap<number, number>();
  /** Counts beginnings and ends of writes; absent before the first. */
  #version: Uint32Array | undefined;
  /** Changes that were seen and not told yet. */
  readonly #changed = new LazySet<number>();
  #next = 0;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#prints = new Array(options.count);
  }

  beginWrite(index: number): void {
    this.#writing.set(index, (this.#writing.get(index) ?? 0) + 1);
    this.#touch(index);
  }

  endWrite(index: number): void {
    const left = this.#writing.get(index)! - 1;
    if (left > 0) this.#writing.set(index, left);
    else this.#writing.delete(index);
    this.#touch(index);
  }

  /** The file is another one from now on, by our own doing. */
  forget(index: number): void {
    this.#touch(index);
  }

  forgetAll(): void {
    for (let index = 0; index < this.#prints.length; index++) this.#touch(index);
  }

  /** Looks at files that were written to since, or never looked at. */
  async fingerprints(): Promise<FileFingerprint[]> {
    const prints: FileFingerprint[] = new Array(this.#prints.length);
    const unknown: number[] = [];
    for (let index = 0; index < prints.length; index++) {
      if (!this.#options.isStored(index)) prints[index] = NO_FILE;
      else {
        const known = this.#prints[index];
        if (known === undefined) unknown.push(index);
        else prints[index] = known;
      }
    }
    await inTurns(unknown, async (index) => {
      prints[index] = await this.#look(index);
    });
    return prints;
  }

  /** Somebody had a look at the file in passing, so `changed` can tell. */
  saw(index: number, print: FileFingerprint): void {
    if (!this.#writing.has(index)) this.#compare(index, print);
  }

  /** What has changed of the next `limit` files, and what was seen before and not told. */
  async changed(limit: number): Promise<number[]> {
    const looked: number[] = [];
    for (let i = 0; i < Math.min(limit, this.#prints.length); i++) {
      looked.push(this.#next);
      this.#next = (this.#next + 1) % this.#prints.length;
    }
    await inTurns(
      looked.filter((index) => this.#options.isStored(index)),
      async (index) => void (await this.#look(index)),
    );
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  async #look(index: number): Promise<FileFingerprint> {
    const version = this.#version?.[index] ?? 0;
    const print = await this.#options.stat(index);
    if ((this.#version?.[index] ?? 0) === version && !this.#writing.has(index)) this.#compare(index, print);
    return print;
  }

  #compare(index: number, print: FileFingerprint): void {
    const known = this.#prints[index];
    if (known !== undefined && (known.size !== print.size || known.modified !== print.modified)) {
      this.#changed.add(index);
    }
    this.#prints[index] = print;
  }

  #touch(index: number): void {
    this.#version ??= new Uint32Array(this.#prints.length);
    this.#version[index] = (this.#version[index]! + 1) >>> 0;
    this.#prints[index] = undefined;
  }
}
