/** Finds out how long a file plays, and what a player will ask for early, from a few of its bytes. */

import { probeFlac, probeMpegAudio, probeOgg, probeWave } from './audio.ts';
import { EBML, probeMatroska } from './matroska.ts';
import { isMp4Start, probeMp4 } from './mp4.ts';
import { fourCharacters, type MediaProbe, ProbeInput } from './probe-input.ts';

/** The first bytes tell which container it is. */
const MAGIC_LENGTH = 12;

/**
 * Examines a file of `length` bytes. Each step names bytes to go on with, at most 64 KiB; the caller passes them to
 * `next`, with as many more of those behind them as it likes. Asks for a bounded number of ranges, whatever the file
 * says. Returns what is known at the end, or `undefined` for no media file. Ends with `return()` at any time.
 */
export function* probeMedia(length: number): MediaProbe {
  const input = new ProbeInput(length);
  const magic = yield* input.take(0, MAGIC_LENGTH);
  if (magic === undefined) return undefined;
  const probe = recognise(magic);
  return probe === undefined ? undefined : yield* probe(input);
}

function recognise(magic: DataView): ((input: ProbeInput) => MediaProbe) | undefined {
  const name = fourCharacters(magic, 0);
  if (magic.getUint32(0) === EBML) return probeMatroska;
  if (name === 'OggS') return probeOgg;
  if (name === 'fLaC') return probeFlac;
  if (name === 'RIFF') return probeWave;
  if (name.startsWith('ID3') || magic.getUint16(0) >= 0xffe0) return probeMpegAudio;
  return isMp4Start(magic) ? probeMp4 : undefined;
}
