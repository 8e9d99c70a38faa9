import { describe, expect, it } from 'vitest';
import {
  readCount,
  readPeer,
  readPieceLength,
  readPort,
  readRate,
  readRatio,
  readSeconds,
  readSize,
  readTime,
  readTrackerUrl,
  readWebUrl,
  repeated,
} from './values.ts';

describe('readSize', () => {
  it.each([
    ['0', 0],
    ['500k', 500_000],
    ['2M', 2_000_000],
    ['1.5 MB', 1_500_000],
    ['256KiB', 262_144],
    ['1Gi', 1_073_741_824],
    ['100 B/s', 100],
  ])('reads %s', (text, bytes) => {
    expect(readSize(text)).toBe(bytes);
  });

  it.each(['', 'x', '-1', '1x', '1e3', 'NaN', '5 bytes', '99999999999999999T'])('refuses %j', (text) => {
    expect(() => readSize(text)).toThrow('number of bytes');
  });
});

it.each([
  ['a limit of nothing', () => readRate('0')],
  ['a port beyond the last', () => readPort('65536')],
  ['a negative port', () => readPort('-1')],
  ['a count of 0', () => readCount('0')],
  ['no seconds', () => readSeconds('0')],
  ['no time', () => readTime('0')],
  ['a time without a number', () => readTime('m')],
  ['a time in unknown units', () => readTime('3 weeks')],
  ['a time that is longer than anybody waits', () => readTime('99999d')],
  ['a ratio of 0', () => readRatio('0')],
  ['a ratio that is no number', () => readRatio('1:2')],
  ['a ratio without bounds', () => readRatio('9'.repeat(400))],
  ['a piece length that is no power of two', () => readPieceLength('100k')],
  ['a piece length that is too small', () => readPieceLength('8KiB')],
  ['a peer without a port', () => readPeer('192.0.2.1')],
  ['a tracker that is no address', () => readTrackerUrl('tracker.example')],
  ['a tracker over UDP, which is not there yet', () => readTrackerUrl('udp://tracker.example:80')],
  ['a web seed that is a file', () => readWebUrl('file:///etc/passwd')],
])('refuses %s', (_what, read) => {
  expect(read).toThrow();
});

it('reads what is right', () => {
  expect(readPort('0')).toBe(0);
  expect(readPieceLength('1MiB')).toBe(1_048_576);
  expect(readSeconds('0.5')).toBe(0.5);
  expect(['90', '30m', '1.5h', '2 D'].map(readTime)).toEqual([90, 1_800, 5_400, 172_800]);
  expect(['1', '0.25'].map(readRatio)).toEqual([1, 0.25]);
  expect(readPeer('[::1]:80')).toBe('[::1]:80');
  expect(readTrackerUrl('wss://tracker.example')).toBe('wss://tracker.example');
  expect(repeated(readCount)('2', repeated(readCount)('1'))).toEqual([1, 2]);
});
