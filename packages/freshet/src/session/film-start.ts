/** Where a film begins is fetched first, for the player that will ask for it. */

import type { Torrent as EngineTorrent } from '../engine/index.ts';
import { DEFAULT_PRIORITY } from '../engine/pieces/picker.ts';
import type { Info } from '../protocol/index.ts';

/** What players can do something with before all of it is there. */
const PLAYED = /\.(?:mp4|m4v|mov|webm|mkv|ogv|mp3|m4a|m4b|aac|ogg|oga|opus|flac)$/i;
/** Bytes that a player reads before it shows anything of most films. */
const START = 256 * 1024;
/** Torrents of more files are not looked through. */
const MAX_FILES = 1000;

type FilmFiles = Pick<Info, 'files' | 'pieceLength'>;

/** The pieces with the beginning of the largest film that is wanted, or recording; `undefined` when there is none. */
export function filmStart(
  { files, pieceLength }: FilmFiles,
  priorities: readonly number[],
): { readonly first: number; readonly last: number } | undefined {
  if (files.length > MAX_FILES) return undefined;
  let film: FilmFiles['files'][number] | undefined;
  for (const [index, file] of files.entries()) {
    if (file.length <= (film?.length ?? 0) || priorities[index] === 0) continue;
    if (PLAYED.test(file.path.at(-1) ?? '')) film = file;
  }
  if (film === undefined) return undefined;
  const { offset, length } = film;
  return {
    first: Math.floor(offset / pieceLength),
    last: Math.floor((offset + Math.min(length, START) - 1) / pieceLength),
  };
}

/**
 * Has the start of a film fetched before the rest, from the moment that the files are known: a player asks for it a tenth
 * of a second later, and would wait until the pieces that are on their way by then have come.
 */
export function favourFilmStart(torrent: EngineTorrent): void {
  const { info } = torrent;
  if (info === undefined || torrent.done) return;
  const start = filmStart(info, torrent.filePriorities());
  if (start !== undefined) torrent.selectPieces(start.first, start.last, DEFAULT_PRIORITY + 1);
}
