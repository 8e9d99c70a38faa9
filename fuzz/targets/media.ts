/** Containers of films and sound: what a probe asks for and tells, whatever the file says. */

import { readFileSync } from 'node:fs';
import { probeMedia } from '../../packages/freshet/src/engine/streaming/media/media-probe.ts';
import {
  MAX_PROBE_READ,
  type MediaFacts,
} from '../../packages/freshet/src/engine/streaming/media/probe-input.ts';
import type { Dice } from '../dice.ts';
import { must, mustEqual, type Target } from '../target.ts';

const FILES: readonly string[] = [
  'moov-first.mp4',
  'moov-last.mp4',
  'fragmented-sidx.mp4',
  'fragmented.mp4',
  'film.mkv',
  'film.webm',
  'live.webm',
  'tone.ogg',
  'tone.opus',
  'cbr.mp3',
  'vbr.mp3',
  'bare.mp3',
  'tone.flac',
  'tone.wav',
];
/** Heads and tails say what a file is; media between them is not looked at. */
const KEPT = 1500;

let samples: Uint8Array[] | undefined;

function sample(dice: Dice): Uint8Array {
  samples ??= FILES.map((name) => {
    const file = readFileSync(new URL(`../../packages/freshet/testing/media/${name}`, import.meta.url));
    return new Uint8Array(
      Buffer.concat([file.subarray(0, KEPT), file.subarray(Math.max(KEPT, file.length - KEPT))]),
    );
  });
  return dice.pick(samples);
}

/** A few boxes of MP4 within each other. */
function anyBoxes(dice: Dice, depth = 0): Uint8Array {
  const boxes = dice.several(4, () => {
    const type = dice.pick([
      'ftyp',
      'moov',
      'mvhd',
      'mvex',
      'mehd',
      'sidx',
      'moof',
      'mdat',
      'free',
      'mfra',
      'mfro',
      'trak',
    ]);
    const body = depth < 3 && dice.chance(1, 2) ? anyBoxes(dice, depth + 1) : dice.bytes(dice.below(40));
    const head = Buffer.alloc(8);
    head.writeUInt32BE(dice.chance(7, 8) ? 8 + body.length : dice.pick([0, 1, 7, 9, 2 ** 32 - 1]));
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, body]);
  });
  return Buffer.concat(depth === 0 ? [Buffer.from('\0\0\0\x08ftyp', 'latin1'), ...boxes] : boxes);
}

interface Probed {
  readonly facts: MediaFacts | undefined;
  readonly reads: number;
}

function probe(file: Uint8Array, length: number, extra: number): Probed {
  const running = probeMedia(length);
  let reads = 0;
  let step = running.next();
  while (step.done !== true) {
    const { start, end } = step.value.read;
    must(
      start >= 0 && start < end && end <= length && end - start <= MAX_PROBE_READ,
      () => `a read of ${start}-${end} in ${length}`,
    );
    checkFacts(step.value.facts, length);
    must(++reads <= 128, 'too many reads');
    // Behind the end of what is given here lie zeros.
    const bytes = new Uint8Array(Math.min(end + extra, length) - start);
    bytes.set(file.subarray(start, start + bytes.length));
    step = running.next(bytes);
  }
  checkFacts(step.value, length);
  return { facts: step.value, reads };
}

function checkFacts(facts: MediaFacts | undefined, length: number): void {
  if (facts === undefined) return;
  const { duration, early } = facts;
  must(
    duration === undefined || (duration > 0 && Number.isFinite(duration)),
    () => `a duration of ${duration}`,
  );
  must(early.length <= 4, 'many early ranges');
  for (const { start, end } of early) {
    must(
      start >= 0 && start < end && end <= length && end - start <= 16 * 1024 * 1024,
      () => `bytes ${start}-${end} early`,
    );
  }
}

export const media: Target = {
  name: 'media',
  about:
    'probes of MP4, Matroska, Ogg, MP3, FLAC and WAVE: few reads, within the file, sane facts, however much is given',
  shortRuns: 1500,
  maxLength: 3200,
  tokens: [
    'moov',
    'mvhd',
    'mvex',
    'mehd',
    'sidx',
    'mdat',
    'moof',
    'OggS',
    'fLaC',
    'RIFF',
    'WAVEfmt ',
    'ID3',
    'Xing',
    'VBRI',
    '\x1a\x45\xdf\xa3',
    '\x18\x53\x80\x67',
    '\x11\x4d\x9b\x74',
    '\x15\x49\xa9\x66',
    '\x1c\x53\xbb\x6b',
    '\x01\xff\xff\xff\xff\xff\xff\xff',
    '\x80',
  ],
  generate: (dice) => {
    if (dice.chance(1, 3)) return anyBoxes(dice);
    const bytes = sample(dice).slice();
    for (let i = dice.below(4); i > 0; i--) bytes[dice.below(Math.min(bytes.length, 700))] = dice.byte();
    return bytes;
  },
  run: (input) => {
    for (const length of [input.length, 2 ** 33]) {
      const exact = probe(input, length, 0);
      const more = probe(input, length, 4096);
      must(more.reads <= exact.reads, 'more reads of more bytes');
      // With an allowance of reads that was not used up both know the same.
      if (exact.reads < 128) mustEqual(more.facts, exact.facts, 'what is known with more bytes at hand');
    }
  },
};
