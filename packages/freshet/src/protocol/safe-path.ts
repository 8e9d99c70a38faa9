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

/** Names that all systems take, as most are. */
const PLAIN = /^[\w-][\w !#$%&'()+,.=@[\]^{}~-]*$/;
/** Names that are the same in lower case and in Unicode's normal form. */
const FOLDED = /^[ -@[-~]*$/;

/** One component made safe; `undefined` if nothing is left of it. */
export function safeComponent(component: string): string | undefined {
  if (component.length * 3 <= MAX_COMPONENT_BYTES && PLAIN.test(component) && !WINDOWS_DEVICE.test(component))
    return component;
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

/** A folder in which `DistinctPaths` has given names. */
export interface PlacedFolder {
  /** Components, made distinct. */
  readonly path: readonly string[];
  /** What is in it, for `DistinctPaths` alone. */
  readonly names: FolderNames;
}

/**
 * Gives every path a place of its own among those seen before it. Each name is remembered once, in its folder, so that
 * deep paths cost what they are long.
 */
export class DistinctPaths {
  readonly root: PlacedFolder = { path: [], names: new FolderNames() };

  /** The path itself, or one with a number in its file name. Components are safe already. */
  add(path: readonly string[]): string[] {
    let folder = this.root;
    for (const name of path.slice(0, -1)) folder = this.folder(folder, name);
    return [...folder.path, this.file(folder, path.at(-1)!)];
  }

  /** The folder `name` within another one. One that is a file already is renamed, the same way for all that lies in it. */
  folder(within: PlacedFolder, name: string): PlacedFolder {
    const { name: free, names } = within.names.folder(name);
    return { path: [...within.path, free], names };
  }

  /** The name itself for a file in this folder, or one with a number. */
  file(within: PlacedFolder, name: string): string {
    return within.names.file(name);
  }
}

/** The files and folders of one folder by the form in which case-insensitive file systems compare their names. */
class FolderNames {
  /** The first of them: many folders have one only, and a map takes more than a deep path is long. */
  #first: string | undefined;
  #firstFolder: FolderNames | undefined;
  #others: Map<string, FolderNames | undefined> | undefined;
  /** Where to go on counting for a name that has been changed before, so that many equal ones stay cheap. */
  #next: Map<string, number> | undefined;
  /** New names of folders that were files already. */
  #renamed: Map<string, string> | undefined;

  file(wanted: string): string {
    const key = fold(wanted);
    if (!this.#has(key)) {
      this.#set(key, undefined);
      return wanted;
    }
    this.#next ??= new Map();
    let number = this.#next.get(key) ?? 1;
    let name: string;
    do name = numbered(wanted, number++);
    while (this.#has(fold(name)));
    this.#next.set(key, number);
    this.#set(fold(name), undefined);
    return name;
  }

  folder(wanted: string): { readonly name: string; readonly names: FolderNames } {
    let name = wanted;
    let key = fold(name);
    if (this.#isFile(key)) {
      this.#renamed ??= new Map();
      name = this.#renamed.get(key) ?? wanted;
      for (let number = 1; this.#isFile(fold(name)); number++) name = numbered(wanted, number);
      this.#renamed.set(key, name);
      key = fold(name);
    }
    let names = this.#folder(key);
    if (names === undefined) {
      names = new FolderNames();
      this.#set(key, names);
    }
    return { name, names };
  }

  #has(key: string): boolean {
    return key === this.#first || this.#others?.has(key) === true;
  }

  #folder(key: string): FolderNames | undefined {
    return key === this.#first ? this.#firstFolder : this.#others?.get(key);
  }

  #isFile(key: string): boolean {
    return this.#has(key) && this.#folder(key) === undefined;
  }

  #set(key: string, folder: FolderNames | undefined): void {
    if (this.#first === undefined) {
      this.#first = key;
      this.#firstFolder = folder;
    } else {
      this.#others ??= new Map();
      this.#others.set(key, folder);
    }
  }
}

function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? `${name.slice(0, dot)}.${number}${name.slice(dot)}` : `${name}.${number}`;
}

function fold(name: string): string {
  return FOLDED.test(name) ? name : name.normalize('NFC').toLowerCase();
}
