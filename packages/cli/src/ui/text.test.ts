import { describe, expect, it } from 'vitest';
import { cut, displayWidth, padStart, printable, shorten } from './text.ts';

describe('printable', () => {
  it('lets no escape sequence and no direction mark of a stranger through', () => {
    expect(printable('a\u001b[2Jb\u009b1m\u202egpj.exe\r\n')).toBe(
      'a\ufffd[2Jb\ufffd1m\ufffdgpj.exe\ufffd\ufffd',
    );
    expect(printable('Überraschung 映画 🎬')).toBe('Überraschung 映画 🎬');
  });
});

describe('displayWidth', () => {
  it.each([
    ['abc', 3],
    ['映画', 4],
    ['e\u0301', 1],
    ['🎬', 2],
    ['\u001b[31mred\u001b[39m', 3],
  ])('of %j is %d', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('shorten', () => {
  it('keeps both ends and the width', () => {
    expect(shorten('a-long-name-of-a-film.mp4', 11)).toBe('a-lon…m.mp4');
    expect(shorten('short', 11)).toBe('short');
    expect(displayWidth(shorten('映画映画映画映画.mp4', 10))).toBeLessThanOrEqual(10);
    expect(shorten('abc', 1)).toBe('…');
    expect(shorten('abc', 0)).toBe('');
  });
});

describe('cut', () => {
  it('counts no colours and ends those that have begun', () => {
    expect(cut('\u001b[31mabcdef\u001b[39m', 3)).toBe('\u001b[31mabc\u001b[39m');
    expect(cut('ab\u001b[1mcd\u001b[22mef', 5)).toBe('ab\u001b[1mcd\u001b[22me');
    expect(cut('映画x', 3)).toBe('映');
    expect(cut('abc', 3)).toBe('abc');
  });
});

it('pads by columns, not by characters', () => {
  expect(padStart('映', 4)).toBe('  映');
});
