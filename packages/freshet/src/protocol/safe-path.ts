/**
 * File paths of a torrent, made safe and distinct before anybody opens a file by them.
 *
 * A component is changed as little as it must be:
 * - `/`, `\`, control characters and NUL become `_`; characters that reverse the direction of text are removed,
 *   because they make `exe` look like `mp4`;
 * - an empty component, `.` and `..` are dropped, with or without spaces and further dots, which Windows strips;
 *   a path of which nothing is left is `_`;
 * - the colon of a drive letter becomes `_`, and a name that is a device on Windows gets a `_` before it;
 * - a name longer than 240 bytes in UTF-8 is cut before its extension, which leaves 15 bytes for a suffix below
 *   the 255 that file systems allow.
 *
 * Two files whose paths differ at most in case, or of which one would be a folder of the other, cannot both
 * exist on every file system: the later one becomes `name.1.ext`, `name.2.ext` and so on.
 *
 * Characters that only Windows refuses within a name (`: * ? " < > |`) stay: a file that exists elsewhere must be
 * found by its name, and the platform that cannot store them maps them.
 */

import { utf8Encode } from './bytes.ts';

const MAX_COMPONENT_BYTES = 240;
const MAX_EXTENSION_BYTES = 32;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get into a file name
const SEPARATORS_AND_CONTROLS = /[/\\\u0000-\u001f\u007f]/g;
const DIRECTION_MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])($|[ .])/i;

/** One component made safe; `undefined` if nothing is left of it. */
export function safeComponent(component: string): string | undefined {
  let name = component.replace(DIRECTION_MARKS, '').replace(SEPARATORS_AND_CONTROLS, '_');
  // Also '.. ' and '. .': Windows strips spaces and dots at the end, which would leave '..' or nothing.
  if (/^[. ]*$/.test(name)) return undefined;
  name = name.replace(/^([a-z]):/i, '$1_');
  if (WINDOWS_DEVICE.test(name)) name = `_${name}`;
  return shorten(name);
}

/** A path made safe; never empty. */
export function safePath(components: readonly string[]): string[] {
  const path = components.map(safeComponent).filter((component) => component !== undefined);
  return path.length === 0 ? ['_'] : path;
}

function shorten(name: string): string {
  if (name.length * 3 <= MAX_COMPONENT_BYTES || utf8Encode(name).length <= MAX_COMPONENT_BYTES) return name;
  const dot = name.lastIndexOf('.');
  let extension = dot > 0 ? name.slice(dot) : '';
  if (utf8Encode(extension).length > MAX_EXTENSION_BYTES) extension = '';
  const stem = name.slice(0, name.length - extension.length);
  let room = MAX_COMPONENT_BYTES - utf8Encode(extension).length;
  let kept = '';
  for (const char of stem) {
    room -= utf8Encode(char).length;
    if (room < 0) break;
    kept += char;
  }
  return kept + extension;
}

/** Gives every path a place of its own among those seen before it. */
export class DistinctPaths {
  /** Files and folders by the form in which case-insensitive file systems compare them. */
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  /** Where to go on counting for a path that has been renamed before, so that many equal ones stay cheap. */
  readonly #next = new Map<string, number>();
  /** New names of folders that were files already. */
  readonly #renamed = new Map<string, string>();

  /** The path itself, or one with a number in its file name. Components are safe already. */
  add(path: readonly string[]): string[] {
    const folders = this.#freeFolders(path.slice(0, -1));
    const base = path[path.length - 1]!;
    const wanted = fold([...folders, base]);
    let name = base;
    if (this.#taken(wanted)) {
      let number = this.#next.get(wanted) ?? 1;
      do name = numbered(base, number++);
      while (this.#taken(fold([...folders, name])));
      this.#next.set(wanted, number);
    }
    const free = [...folders, name];
    this.#files.add(fold(free));
    for (let depth = 1; depth < free.length; depth++) this.#folders.add(fold(free.slice(0, depth)));
    return free;
  }

  #taken(key: string): boolean {
    return this.#files.has(key) || this.#folders.has(key);
  }

  /** Renames a folder that is a file already, and the same way for all that lies in it. */
  #freeFolders(folders: readonly string[]): string[] {
    const free: string[] = [];
    for (const folder of folders) {
      const wanted = fold([...free, folder]);
      let name = folder;
      if (this.#files.has(wanted)) {
        name = this.#renamed.get(wanted) ?? folder;
        for (let number = 1; this.#files.has(fold([...free, name])); number++)
          name = numbered(folder, number);
        this.#renamed.set(wanted, name);
      }
      free.push(name);
    }
    return free;
  }
}

function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? `${name.slice(0, dot)}.${number}${name.slice(dot)}` : `${name}.${number}`;
}

function fold(path: readonly string[]): string {
  return path.join('/').normalize('NFC').toLowerCase();
}
