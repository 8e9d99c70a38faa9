import { ArgumentError, FreshetError, InvalidTorrentError, StorageError } from 'freshet';
import { describe, expect, it } from 'vitest';
import { CliError, ExitCode, exitCodeOf, sentenceOf } from './exit.ts';

describe('exitCodeOf', () => {
  it.each([
    [new CliError(ExitCode.noPeers, 'x'), 3],
    [new StorageError('FULL', 'x'), 4],
    [new InvalidTorrentError('x'), 2],
    [new ArgumentError('x'), 2],
    [new FreshetError('OTHER', 'x'), 1],
    [new Error('x'), 1],
    ['x', 1],
  ])('of %s is %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

it('ends every sentence', () => {
  expect(sentenceOf(new Error('There is no space left'))).toBe('There is no space left.');
  expect(sentenceOf(new Error('It is full.'))).toBe('It is full.');
  expect(sentenceOf(new Error(''))).toContain('--verbose');
});
