import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { probeMedia } from './media-probe.ts';
import type { ByteRange, MediaFacts } from './probe-input.ts';
import { MAX_PROBE_READ } from './probe-input.ts';

const load = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../../testing/media/${name}`, import.meta.url)));

interface Probed {
  readonly facts: MediaFacts | undefined;
  readonly reads: ByteRange[];
  /** What was known before each read. */
  readonly known: (MediaFacts | undefined)[];
}

/** Probes a file of which every range is at hand, giving `extra` bytes more than asked for. */
function probe(file: Uint8Array, length: number = file.length, extra: number = 0): Probed {
  const reads: ByteRange[] = [];
  const known: (MediaFacts | undefined)[] = [];
  const running = probeMedia(length);
  for (let step = running.next(); ; ) {
    if (step.done === true) return { facts: step.value, reads, known };
    const { read, facts } = step.value;
    reads.push(read);
    known.push(facts);
    step = running.next(file.subarray(read.start, read.end + extra));
  }
}

/** Where a text begins in a file. */
function find(file: Uint8Array, text: string): number {
  return Buffer.from(file).indexOf(text, 0, 'latin1');
}

describe('probeMedia', () => {
  // Made by ffmpeg 5.1; six seconds each, where no other length is said.
  it.each([
    ['moov-first.mp4', 'mp4', 6],
    ['moov-last.mp4', 'mp4', 6],
    ['film.mov', 'mp4', 6],
    ['tone.m4a', 'mp4', 6],
    ['fragmented-sidx.mp4', 'mp4', 6],
    ['fragmented.mp4', 'mp4', undefined],
    ['film.mkv', 'matroska', 6.046],
    ['film.webm', 'matroska', 6.008],
    ['live.webm', 'matroska', undefined],
    ['tone.opus', 'ogg', 6.006],
    ['tone.ogg', 'ogg', 6],
    ['cbr.mp3', 'mp3', 6.06],
    ['vbr.mp3', 'mp3', 6.06],
    ['bare.mp3', 'mp3', 6.06],
    ['tone.flac', 'flac', 1],
    ['tone.wav', 'wave', 1],
  ] as const)('tells how long %s plays', (name, container, duration) => {
    const file = load(name);
    const { facts, reads } = probe(file, file.length, 4096);
    expect(facts?.container).toBe(container);
    if (duration === undefined) expect(facts?.duration).toBeUndefined();
    else expect(Math.abs(facts!.duration! - duration)).toBeLessThan(0.02 * duration);
    // The same when no byte more is given than was asked for.
    expect(probe(file).facts).toEqual(facts);
    expect(reads.length).toBeLessThan(8);
  });

  it('names the end of an MP4 file as essential as soon as the media lies before its description', () => {
    const file = load('moov-last.mp4');
    const { facts, reads, known } = probe(file);
    const moov = find(file, 'moov') - 4;
    const early = [{ start: moov, end: file.length, essential: true }];
    const atMoov = reads.findIndex((read) => read.start >= moov);
    expect(known[atMoov]).toMatchObject({ duration: undefined, early });
    expect(facts?.early).toEqual(early);
    // All that was asked for before are heads of boxes at the start of the file.
    for (const read of reads.slice(0, atMoov)) expect(read.end).toBeLessThan(64);
    expect(probe(load('moov-first.mp4')).facts?.early).toEqual([]);
  });

  it('names the cues of Matroska as wanted, and how long they are', () => {
    for (const name of ['film.webm', 'film.mkv']) {
      const file = load(name);
      const { facts } = probe(file);
      const cues = find(file, '\x1c\x53\xbb\x6b');
      const [range, ...others] = facts!.early;
      expect(others).toEqual([]);
      // The directory at the start of the file has the same number, but not behind the first cluster.
      expect(cues).toBeGreaterThan(0);
      expect(range).toMatchObject({ essential: false });
      expect([...file.subarray(range!.start, range!.start + 4)]).toEqual([0x1c, 0x53, 0xbb, 0x6b]);
      expect(range!.end).toBeGreaterThan(range!.start + 8);
      expect(range!.end).toBeLessThanOrEqual(file.length);
      expect(range!.end - range!.start).toBeLessThan(500);
    }
    expect(probe(load('live.webm')).facts?.early).toEqual([]);
  });

  it('names the index of a fragmented file, and the end of Ogg', () => {
    const fragmented = load('fragmented.mp4');
    const start = find(fragmented, 'mfra') - 4;
    expect(probe(fragmented).facts?.early).toEqual([{ start, end: fragmented.length, essential: false }]);
    const ogg = load('tone.ogg');
    expect(probe(ogg).facts?.early).toEqual([{ start: 0, end: ogg.length, essential: true }]);
    const mp3 = load('bare.mp3');
    expect(probe(mp3).facts?.early).toEqual([{ start: mp3.length - 128, end: mp3.length, essential: true }]);
    expect(probe(load('cbr.mp3')).facts?.early).toEqual([]);
  });

  it('follows boxes of 64-bit length past four gigabytes without reading them', () => {
    const media = 6 * 2 ** 30;
    const source = load('moov-last.mp4');
    const moovAt = find(source, 'moov') - 4;
    const moov = source.subarray(moovAt);
    const head = new Uint8Array(32 + 16);
    head.set(source.subarray(0, 32));
    new DataView(head.buffer).setUint32(0, 32);
    const long = new DataView(head.buffer, 32);
    long.setUint32(0, 1);
    head.set([0x6d, 0x64, 0x61, 0x74], 36);
    long.setBigUint64(8, BigInt(media));
    const length = 32 + media + moov.length;
    const running = probeMedia(length);
    let step = running.next();
    let reads = 0;
    while (step.done !== true) {
      const { start, end } = step.value.read;
      reads++;
      step = running.next(
        start < head.length ? head.subarray(start, end) : moov.subarray(start - 32 - media, end - 32 - media),
      );
    }
    expect(step.value).toEqual({
      container: 'mp4',
      duration: 6,
      early: [{ start: 32 + media, end: length, essential: true }],
    });
    expect(reads).toBeLessThan(20);
  });

  it('knows no duration where the movie says all ones, or nothing', () => {
    for (const bytes of [
      [255, 255, 255, 255],
      [0, 0, 0, 0],
    ]) {
      const file = load('moov-first.mp4');
      file.set(bytes, find(file, 'mvhd') + 4 + 16);
      expect(probe(file).facts).toEqual({ container: 'mp4', duration: undefined, early: [] });
    }
  });

  it('reads the duration of all fragments where it is written, and not that of the first', () => {
    const file = load('fragmented.mp4');
    const mvex = find(file, 'mvex');
    const trex = find(file, 'trex') - 4;
    // The first child of mvex is made a header of the fragments, which is shorter.
    const view = new DataView(file.buffer, trex);
    expect(trex).toBe(mvex + 4);
    const size = view.getUint32(0);
    view.setUint32(0, 16);
    file.set(new TextEncoder().encode('mehd'), trex + 4);
    view.setUint32(8, 0);
    view.setUint32(12, 42_000);
    view.setUint32(16, size - 16);
    file.set(new TextEncoder().encode('free'), trex + 20);
    expect(probe(file).facts?.duration).toBe(42);
  });

  it('knows files that are no media at once', () => {
    for (const text of ['', 'PK\x03\x04', 'plain text, and more of it', `${'\xff'.repeat(600)}`]) {
      const { facts, reads } = probe(new TextEncoder().encode(text.padEnd(600)));
      expect(facts).toBeUndefined();
      expect(reads.length).toBeLessThanOrEqual(2);
    }
    expect(probe(Uint8Array.of(1, 2, 3)).facts).toBeUndefined();
    expect(probe(new Uint8Array(0)).facts).toBeUndefined();
  });

  it('asks for little, within the file, and soon ends, whatever the file says', () => {
    const starts = ['moov-last.mp4', 'fragmented-sidx.mp4', 'film.mkv', 'film.webm', 'tone.ogg', 'vbr.mp3'];
    const files = new Map(starts.map((name) => [name, load(name)]));
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.array(fc.tuple(fc.nat(700), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255))), {
          maxLength: 40,
        }),
        fc.oneof(fc.constant(undefined), fc.nat(20_000), fc.nat(2 ** 40)),
        fc.nat(5000),
        (name, changes, length, extra) => {
          const changed = files.get(name)!.slice();
          for (const [at, byte] of changes) changed[at] = byte;
          const all = length ?? changed.length;
          const { facts, reads } = probe(changed, all, extra);
          expect(reads.length).toBeLessThanOrEqual(128);
          for (const { start, end } of reads) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(all);
            expect(end - start).toBeLessThanOrEqual(MAX_PROBE_READ);
          }
          for (const { start, end } of facts?.early ?? []) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(all);
            expect(end - start).toBeLessThanOrEqual(16 * 1024 * 1024);
          }
          const duration = facts?.duration;
          if (duration !== undefined) expect(duration > 0 && Number.isFinite(duration)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('survives random bytes behind every magic number', () => {
    const magics = [
      '\x1a\x45\xdf\xa3',
      '\0\0\0\x08moov',
      '\0\0\0\x01mdat',
      'OggS',
      'fLaC\0',
      'RIFF1234WAVE',
      'ID3',
      '\xff\xfb\x90',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 3000 }), (magic, rest) => {
        const file = Uint8Array.from([...Buffer.from(magic, 'latin1'), ...rest]);
        expect(probe(file).reads.length).toBeLessThanOrEqual(128);
      }),
      { numRuns: 500 },
    );
  });
});
