/** Sound files: MP3, Ogg with Vorbis or Opus, FLAC and WAVE. */

import { fourCharacters, type MediaProbe, type ProbeInput, type Probing, readUint64 } from './probe-input.ts';

/** kbit/s of MPEG-1 layer III by index, and of MPEG-2 and 2.5. */
const BITRATES_1: readonly number[] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_2: readonly number[] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES: readonly number[] = [44_100, 48_000, 32_000];
/** The tag of ID3v1 at the very end, which players read first where there is none at the start. */
const ID3V1_LENGTH = 128;
/** A page of Ogg is at most this long, so the last one begins in so many bytes. */
const MAX_OGG_PAGE = 27 + 255 + 255 * 255;
/** Opus counts in samples of this rate whatever was recorded (RFC 7845). */
const OPUS_RATE = 48_000;
/** Most chunks of a WAVE file before its sound. */
const MAX_CHUNKS = 16;

interface Frame {
  readonly mpeg1: boolean;
  readonly mono: boolean;
  /** Bits per second. */
  readonly bitrate: number;
  readonly sampleRate: number;
  readonly samples: number;
  /** Bytes. */
  readonly length: number;
}

/** MP3 by the header of its first frame, and what encoders write there of files with a varying rate. */
export function* probeMpegAudio(input: ProbeInput): MediaProbe {
  const start = yield* skipId3(input);
  const head = yield* input.take(start, 4);
  const frame = head && readFrame(head.getUint32(0));
  if (frame === undefined) return undefined;
  // Other files begin with a few such bits too; two frames in a row are no chance.
  const second = yield* input.take(start + frame.length, 4);
  if (second === undefined || readFrame(second.getUint32(0)) === undefined) return undefined;
  const frames = yield* countFrames(input, start, frame);
  const duration =
    frames === undefined
      ? ((input.length - start) * 8) / frame.bitrate
      : (frames * frame.samples) / frame.sampleRate;
  const tail = { start: input.length - ID3V1_LENGTH, end: input.length, essential: true };
  input.tell('mp3', { duration, early: start === 0 ? [tail] : [] });
  return input.facts;
}

/** Where the sound begins, behind a tag at the start of the file (ID3v2). */
function* skipId3(input: ProbeInput): Probing<number> {
  const tag = yield* input.take(0, 10);
  if (tag === undefined || fourCharacters(tag, 0).slice(0, 3) !== 'ID3') return 0;
  let size = 0;
  for (let i = 6; i < 10; i++) size = size * 128 + (tag.getUint8(i) & 0x7f);
  const footer = (tag.getUint8(5) & 0x10) !== 0 ? 10 : 0;
  return 10 + size + footer;
}

function readFrame(header: number): Frame | undefined {
  const version = (header >>> 19) & 3;
  const bits = (header >>> 12) & 15;
  const rate = (header >>> 10) & 3;
  // Eleven ones, a version that exists, layer III, and rates that are told.
  const valid = header >>> 21 === 0x7ff && version !== 1 && ((header >>> 17) & 3) === 1;
  if (!valid || bits === 0 || bits === 15 || rate === 3) return undefined;
  const mpeg1 = version === 3;
  const bitrate = 1000 * (mpeg1 ? BITRATES_1 : BITRATES_2)[bits]!;
  const sampleRate = SAMPLE_RATES[rate]! / (mpeg1 ? 1 : version === 2 ? 2 : 4);
  const samples = mpeg1 ? 1152 : 576;
  const padding = (header >>> 9) & 1;
  const length = Math.floor(((samples / 8) * bitrate) / sampleRate) + padding;
  return { mpeg1, mono: ((header >>> 6) & 3) === 3, bitrate, sampleRate, samples, length };
}

/** How many frames the file has, by the tag `Xing`, `Info` or `VBRI` in its first one. */
function* countFrames(input: ProbeInput, start: number, frame: Frame): Probing<number | undefined> {
  const side = frame.mpeg1 ? (frame.mono ? 17 : 32) : frame.mono ? 9 : 17;
  const xing = yield* input.take(start + 4 + side, 12);
  const name = xing && fourCharacters(xing, 0);
  if (xing !== undefined && (name === 'Xing' || name === 'Info')) {
    return (xing.getUint32(4) & 1) === 0 ? undefined : xing.getUint32(8);
  }
  const vbri = yield* input.take(start + 4 + 32, 18);
  return vbri !== undefined && fourCharacters(vbri, 0) === 'VBRI' ? vbri.getUint32(14) : undefined;
}

/** FLAC (RFC 9639): the first block has the number of samples. */
export function* probeFlac(input: ProbeInput): MediaProbe {
  const info = yield* input.take(0, 26);
  if (info === undefined || (info.getUint8(4) & 0x7f) !== 0) return undefined;
  const rate = info.getUint32(18) >>> 12;
  const samples = (info.getUint8(21) & 15) * 2 ** 32 + info.getUint32(22);
  input.tell('flac', { duration: samples / rate });
  return input.facts;
}

/** WAVE: as many bytes a second from begin to end. */
export function* probeWave(input: ProbeInput): MediaProbe {
  const form = yield* input.take(8, 4);
  if (form === undefined || fourCharacters(form, 0) !== 'WAVE') return undefined;
  let at = 12;
  for (let i = 0; i < MAX_CHUNKS; i++) {
    const head = yield* input.take(at, 8);
    if (head === undefined) break;
    if (fourCharacters(head, 0) === 'fmt ') {
      const format = yield* input.take(at + 8, 12);
      input.tell('wave', { duration: format && input.length / format.getUint32(8, true) });
      return input.facts;
    }
    const size = head.getUint32(4, true);
    at += 8 + size + (size % 2);
  }
  return undefined;
}

/** Ogg (RFC 3533): the rate is in the first page, and the number of samples in the last one. */
export function* probeOgg(input: ProbeInput): MediaProbe {
  const page = yield* input.take(0, Math.min(27 + 1 + 19, input.length));
  if (page === undefined || page.byteLength < 47) return undefined;
  const serial = page.getUint32(14);
  const packet = 27 + page.getUint8(26);
  const head = yield* input.take(packet, 16);
  const rate = head && readOggRate(head);
  if (rate === undefined) return undefined;
  const start = Math.max(0, input.length - MAX_OGG_PAGE);
  const early = [{ start, end: input.length, essential: true }];
  input.tell('ogg', { early });
  const tail = yield* input.take(start, input.length - start);
  const samples = tail && readLastGranule(tail, serial);
  input.tell('ogg', { duration: samples === undefined ? undefined : samples / rate, early });
  return input.facts;
}

/** Samples a second, by the first packet of a stream of Opus or Vorbis. */
function readOggRate(packet: DataView): number | undefined {
  const name = fourCharacters(packet, 0);
  if (name === 'Opus') return OPUS_RATE;
  return name === '\x01vor' ? packet.getUint32(12, true) : undefined;
}

function readLastGranule(tail: DataView, serial: number): number | undefined {
  for (let at = tail.byteLength - 27; at >= 0; at--) {
    if (fourCharacters(tail, at) !== 'OggS' || tail.getUint32(at + 14) !== serial) continue;
    const granule = new DataView(new ArrayBuffer(8));
    granule.setBigUint64(0, tail.getBigUint64(at + 6, true));
    // All ones: no packet ends in this page.
    const samples = readUint64(granule, 0);
    if (Number.isFinite(samples)) return samples;
  }
  return undefined;
}
