/** `--select`: which files of a torrent are meant. */

import { usageError } from './exit.ts';

/** A file as far as its selection goes. */
export interface Selectable {
  /** With `/`; begins with the torrent's folder when there is one. */
  readonly path: string;
}

/**
 * Places in `files` that `terms` select, ascending. A term is a number or a range as `freshet info` numbers the files,
 * from 1, or a glob: `*` and `?` stay within one name, `**` goes across folders. A glob fits a file's path, with or
 * without the torrent's folder, its name, or a folder that it is in; case does not matter. Commas separate terms.
 * @throws {CliError} with the exit code for usage, when a term fits nothing.
 */
export function selectFiles(files: readonly Selectable[], terms: readonly string[]): number[] {
  const selected = new Set<number>();
  for (const term of terms.flatMap(splitTerms)) {
    const found = /^[0-9]+(-[0-9]*)?$/.test(term) ? byNumber(files, term) : byName(files, term);
    for (const place of found) selected.add(place);
  }
  if (selected.size === 0) throw usageError('--select names no file; write numbers such as 1,3-5 or globs.');
  return [...selected].sort((a, b) => a - b);
}

function splitTerms(text: string): string[] {
  return text
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function byNumber(files: readonly Selectable[], term: string): number[] {
  const [firstText, lastText] = term.split('-');
  const first = Number(firstText);
  const last = lastText === undefined ? first : lastText === '' ? files.length : Number(lastText);
  if (first < 1 || last > files.length || first > last) {
    // A file may well be called 2024.
    const named = byNameOrNone(files, term);
    if (named.length > 0) return named;
    const range = files.length === 1 ? 'only file 1' : `files 1 to ${files.length}`;
    throw usageError(`--select ${term} fits nothing: the torrent has ${range}; freshet info lists them.`);
  }
  return Array.from({ length: last - first + 1 }, (_, i) => first - 1 + i);
}

function byName(files: readonly Selectable[], term: string): number[] {
  const found = byNameOrNone(files, term);
  if (found.length === 0) throw usageError(`--select "${term}" fits no file; freshet info lists them.`);
  return found;
}

function byNameOrNone(files: readonly Selectable[], glob: string): number[] {
  const pattern = globPattern(glob);
  return files.flatMap(({ path }, place) =>
    candidates(path).some((text) => pattern.test(text)) ? [place] : [],
  );
}

/** The path, the path below the torrent's folder, the name, and the folders that the file is in. */
function candidates(path: string): string[] {
  const parts = path.split('/');
  const texts = [path, parts.slice(1).join('/'), parts.at(-1)!];
  for (let depth = 1; depth < parts.length; depth++) {
    texts.push(parts.slice(0, depth).join('/'), parts.slice(1, depth).join('/'));
  }
  return texts.filter((text) => text !== '');
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/\/+$/, '')
    .replace(/\*{2,}|[*?]|[\\^$.|+()[\]{}]/g, (char) =>
      char.startsWith('**') ? '.*' : char === '*' ? '[^/]*' : char === '?' ? '[^/]' : `\\${char}`,
    );
  return new RegExp(`^${source}$`, 'iu');
}
