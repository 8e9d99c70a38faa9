/** Films for tests and simulation. */

export interface FilmShape {
  /** Playing time. */
  readonly seconds: number;
  /** Whether the description of the film is before the media or behind it. */
  readonly moov: 'first' | 'last';
  /** Bytes of it; default 40,000. */
  readonly moovLength?: number;
}

/** Makes an MP4 file of bytes that are random: boxes and times are right, the media plays nowhere. */
export function writeFilm(file: Uint8Array, { seconds, moov, moovLength = 40_000 }: FilmShape): void {
  box(file, 0, 32, 'ftyp');
  const moovAt = moov === 'first' ? 32 : file.length - moovLength;
  const mdatAt = moov === 'first' ? 32 + moovLength : 32;
  box(file, moovAt, moovLength, 'moov');
  box(file, mdatAt, file.length - 32 - moovLength, 'mdat');
  box(file, moovAt + 8, 108, 'mvhd');
  const times = new DataView(file.buffer, file.byteOffset + moovAt + 16, 20);
  times.setUint32(0, 0);
  times.setUint32(12, 1000);
  times.setUint32(16, 1000 * seconds);
  box(file, moovAt + 116, moovLength - 116, 'trak');
}

/** Where the description of such a film begins. */
export function moovStart(length: number, { moov, moovLength = 40_000 }: FilmShape): number {
  return moov === 'first' ? 32 : length - moovLength;
}

function box(file: Uint8Array, at: number, length: number, type: string): void {
  new DataView(file.buffer, file.byteOffset + at, 4).setUint32(0, length);
  for (let i = 0; i < 4; i++) file[at + 4 + i] = type.charCodeAt(i);
}
