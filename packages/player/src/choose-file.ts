/** Which file of a torrent a player shows. */

/** What matters of a file here. */
export interface FileFacts {
  readonly name: string;
  readonly path: string;
  readonly length: number;
  /** Media type, such as `video/mp4`. */
  readonly type: string;
}

/** Whether the file is a film, sound or neither. */
export function mediaKind(file: Pick<FileFacts, 'type'>): 'video' | 'audio' | undefined {
  if (file.type.startsWith('video/')) return 'video';
  return file.type.startsWith('audio/') ? 'audio' : undefined;
}

/**
 * The file that `wanted` names: its place among the files, its path or its name. Without `wanted` the largest film, or
 * else the largest sound file, of those that `canPlay`; then of all media. `undefined` if there is none.
 */
export function chooseFile<F extends FileFacts>(
  files: readonly F[],
  wanted: string | undefined,
  canPlay: (type: string) => boolean = () => true,
): F | undefined {
  if (wanted !== undefined && wanted !== '') {
    const named = files.find((file) => file.path === wanted) ?? files.find((file) => file.name === wanted);
    if (named !== undefined) return named;
    return /^\d+$/.test(wanted) ? files[Number(wanted)] : undefined;
  }
  for (const accept of [canPlay, () => true]) {
    for (const kind of ['video', 'audio']) {
      const fitting = files.filter((file) => mediaKind(file) === kind && accept(file.type));
      if (fitting.length > 0)
        return fitting.reduce((best, file) => (file.length > best.length ? file : best));
    }
  }
  return undefined;
}
