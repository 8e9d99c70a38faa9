/** What users write after options, read into values. Each throws commander's error, which names the option. */

import { InvalidArgumentError } from 'commander';
import { parseAddress } from 'freshet/protocol';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** Bytes, such as `500k`, `2M`, `1.5 MB` (thousands) or `256KiB` (1024s). */
export function readSize(text: string): number {
  const [, number, unit] = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?i?)b?(?:\/s)?\s*$/i.exec(text) ?? [];
  const factor = FACTORS[(unit ?? 'none').toLowerCase()];
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(number) * factor);
  if (!Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('Write a number of bytes such as 500k, 2M or 256KiB.');
  }
  return bytes;
}

/** Bytes per second; more than nothing, as a transfer without any would never end. */
export function readRate(text: string): number {
  const rate = readSize(text);
  if (rate === 0) throw new InvalidArgumentError('A limit is more than 0 bytes per second, such as 500k.');
  return rate;
}

export function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535)) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  return port;
}

/** Whole number of at least 1. */
export function readCount(text: string): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (number < 1) throw new InvalidArgumentError('Write a whole number of at least 1.');
  return number;
}

/** More than 0; fractions are fine. */
export function readSeconds(text: string): number {
  const seconds = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  // setTimeout counts milliseconds in 31 bits.
  if (!(seconds > 0 && seconds <= 2_000_000)) {
    throw new InvalidArgumentError('Write a number of seconds of more than 0, such as 30.');
  }
  return seconds;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of a time such as `90`, `30m`, `1.5h` or `2d`; more than 0, at most ten years. */
export function readTime(text: string): number {
  const [, number, unit] = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)\s*$/i.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[(unit || 's').toLowerCase()] ?? Number.NaN);
  if (!(seconds > 0 && seconds <= 3_650 * 86_400)) {
    throw new InvalidArgumentError('Write a time such as 90 (seconds), 30m, 12h or 7d.');
  }
  return seconds;
}

/** More than 0, such as `1.5`. */
export function readRatio(text: string): number {
  const ratio = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : 0;
  if (!(ratio > 0 && Number.isFinite(ratio))) {
    throw new InvalidArgumentError(
      'Write a ratio of more than 0, such as 1.5: bytes given per byte received.',
    );
  }
  return ratio;
}

/** A power of two from 16 KiB to 256 MiB (BEP 3 asks for no more than that it be a power of two). */
export function readPieceLength(text: string): number {
  const bytes = readSize(text);
  if (bytes < 16_384 || bytes > 2 ** 28 || !Number.isInteger(Math.log2(bytes))) {
    throw new InvalidArgumentError('A piece length is a power of two from 16KiB to 256MiB, such as 1MiB.');
  }
  return bytes;
}

export function readPeer(text: string): string {
  if (parseAddress(text) === undefined) {
    throw new InvalidArgumentError('A peer is host:port, such as 192.0.2.7:6881 or [2001:db8::1]:6881.');
  }
  return text;
}

export function readTrackerUrl(text: string): string {
  if (!/^(https?|wss?):\/\/[^/]/i.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('A tracker is an address that begins with http, https, ws or wss.');
  }
  return text;
}

export function readWebUrl(text: string): string {
  if (!/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('A web seed is an address that begins with http or https.');
  }
  return text;
}

/** For options that can be given several times. */
export function repeated<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  return (text, before) => [...(before ?? []), read(text)];
}
