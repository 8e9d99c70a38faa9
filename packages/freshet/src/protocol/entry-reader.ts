/** What the dictionary of a file says, of version 1 and 2 alike: read without making a `Map` of it. */

import type { BencodeScanner } from './bencode-scanner.ts';
import { utf8Decode } from './bytes.ts';
import type { EntryFields } from './file-entry.ts';
import { bad, MetainfoError, missing } from './metainfo-error.ts';

const SHA1_LENGTH = 20;

/** One for all files, as reading each one sets all that it has. */
export class EntryReader implements EntryFields {
  length = 0;
  attr: string | undefined;
  mtime: number | undefined;
  sha1 = -1;
  /** Where the root lies, if it is a string. */
  piecesRoot = -1;
  rootLength = 0;
  /** Where the path lies, or -1. */
  pathAt = -1;
  readonly #scanner: BencodeScanner;

  constructor(scanner: BencodeScanner) {
    this.#scanner = scanner;
  }

  /** Whether it is padding (BEP 47), which is never stored. */
  get isPadding(): boolean {
    return this.attr?.includes('p') === true;
  }

  /**
   * Reads the dictionary that comes next; its bytes have been checked before.
   * @param where names it in errors.
   * @throws {MetainfoError} if it is a link, which has no length of its own and could lead out of the download's folder,
   * or has no length.
   */
  read(where: () => string, lengthName: () => string): void {
    const scanner = this.#scanner;
    this.attr = undefined;
    this.mtime = undefined;
    this.sha1 = -1;
    this.piecesRoot = -1;
    this.rootLength = 0;
    this.pathAt = -1;
    let length: number | bigint | undefined;
    let hasLength = false;
    let utf8Path = -1;
    let link = false;
    scanner.enter(0);
    while (!scanner.leave()) {
      scanner.string();
      if (scanner.textIs('length')) {
        hasLength = true;
        if (scanner.atInteger) length = scanner.integer();
        else scanner.skip(0);
      } else if (scanner.textIs('path')) {
        this.pathAt = scanner.position;
        scanner.skip(0);
      } else if (scanner.textIs('path.utf-8')) {
        // Something that is no list does not count.
        if (scanner.atList) utf8Path = scanner.position;
        scanner.skip(0);
      } else if (scanner.textIs('pieces root')) {
        const isString = scanner.atString;
        scanner.skip(0);
        if (isString) {
          this.piecesRoot = scanner.textStart;
          this.rootLength = scanner.textEnd - scanner.textStart;
        }
      } else if (scanner.textIs('attr')) {
        const isString = scanner.atString;
        scanner.skip(0);
        if (isString) this.attr = utf8Decode(scanner.input.subarray(scanner.textStart, scanner.textEnd));
      } else if (scanner.textIs('mtime') && scanner.atInteger) {
        const mtime = scanner.integer();
        if (typeof mtime === 'number') this.mtime = mtime;
      } else if (scanner.textIs('sha1') && scanner.atString) {
        scanner.string();
        if (scanner.textEnd - scanner.textStart === SHA1_LENGTH) this.sha1 = scanner.textStart;
      } else {
        if (scanner.textIs('symlink path')) link = true;
        scanner.skip(0);
      }
    }
    if (utf8Path >= 0) this.pathAt = utf8Path;
    if (link || this.attr?.includes('l') === true) throw linkRefused(where());
    if (!hasLength) throw missing(lengthName());
    if (typeof length === 'bigint') throw bad(lengthName(), 'is beyond 2^53');
    if (length === undefined) throw bad(lengthName(), 'is not an integer');
    if (length < 0) throw bad(lengthName(), `is ${length}, which is negative`);
    this.length = length;
  }
}

function linkRefused(where: string): MetainfoError {
  return new MetainfoError('SYMLINK', `The torrent has a symbolic link in ${where}, which is refused.`);
}

/** The end of a file that begins at `offset`. @throws {MetainfoError} beyond 2^53 - 1 */
export function advance(offset: number, length: number, field: string): number {
  const end = offset + length;
  if (!Number.isSafeInteger(end)) throw bad(field, 'add up to more than 2^53 bytes');
  return end;
}
