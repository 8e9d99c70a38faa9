/** Records that were stored: somebody else may have written them, or half of them. */

import {
  decodeFilesRecord,
  encodeFilesRecord,
} from '../../packages/freshet/src/engine/storage/files-record.ts';
import { decodeResume, encodeResume } from '../../packages/freshet/src/engine/storage/resume.ts';
import type { Dice } from '../dice.ts';
import { BENCODE_TOKENS, changeEncoded, type Tree, writeTree } from '../grammar/bencode.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';

function anyRecord(dice: Dice): Uint8Array {
  const paths = (): Tree =>
    dice.several(3, () => [
      BigInt(dice.below(9)) - (dice.chance(1, 9) ? 5n : 0n),
      dice.several(3, () => dice.pick(['a', 'b', '..', '', 'x/y', '\xff', '\xc3\xa9'])),
    ]);
  if (dice.chance(1, 3)) {
    const record = new Map<string, Tree>([
      ['format', 'freshet files'],
      ['version', dice.chance(1, 9) ? 2n : 1n],
      ['paths', paths()],
      ['pending', paths()],
    ]);
    if (dice.chance(1, 3)) record.set('to', dice.pick(['/x', '', '\xff']));
    if (dice.chance(1, 3)) record.set('copying', BigInt(dice.below(3)));
    return writeTree(record, dice, dice.pick([0, 0, 20]));
  }
  const pieces = dice.below(40);
  const record = new Map<string, Tree>([
    ['format', 'freshet resume'],
    ['version', dice.chance(1, 9) ? 2n : 1n],
    ['info-hash', dice.bytes(dice.chance(1, 9) ? 19 : 20)],
    ['uploaded', BigInt(dice.edge())],
    ['downloaded', BigInt(dice.edge()) - (dice.chance(1, 9) ? 2n ** 40n : 0n)],
    ['trackers', dice.several(3, () => dice.several(2, () => dice.pick(['http://t/', '\xff', ''])))],
  ]);
  if (dice.chance(2, 3)) {
    record.set('pieces', BigInt(dice.chance(1, 9) ? dice.edge() : pieces));
    record.set('verified', new Uint8Array(Math.ceil(pieces / 8)).fill(dice.chance(1, 2) ? 0 : 0x80));
  }
  if (dice.chance(1, 2))
    record.set(
      'partial',
      dice.several(4, () => [BigInt(dice.below(60)), dice.bytes(dice.below(5))]),
    );
  if (dice.chance(1, 3))
    record.set(
      'doubtful',
      dice.several(4, () => BigInt(dice.below(60))),
    );
  if (dice.chance(1, 3))
    record.set(
      'layers',
      dice.several(3, () => [dice.bytes(32), dice.bytes(32 * dice.below(3))]),
    );
  const files = dice.below(4);
  if (dice.chance(1, 2)) record.set('fingerprints', dice.bytes(16 * files + (dice.chance(1, 9) ? 1 : 0)));
  if (dice.chance(1, 3)) record.set('priorities', dice.bytes(files));
  if (dice.chance(1, 3)) record.set('info', dice.bytes(dice.below(30)));
  return writeTree(record, dice, dice.pick([0, 0, 20]));
}

export const records: Target = {
  name: 'records',
  about:
    'stored resume data and records of moved files: sane or refused, paths stay in their folder, written again the same',
  shortRuns: 2000,
  tokens: [
    ...BENCODE_TOKENS,
    '6:format14:freshet resume',
    '6:format13:freshet files',
    '7:versioni1e',
    '8:verified',
    '6:piecesi',
    '7:partiall',
  ],
  generate: anyRecord,
  mutate: (input, dice) => changeEncoded(input, dice) ?? anyRecord(dice),
  run: (input) => {
    const resume = decodeResume(input);
    if (resume !== undefined) {
      const {
        verified,
        doubtful = [],
        partial = new Map(),
        fingerprints,
        filePriorities,
        uploaded,
        downloaded,
      } = resume;
      must(uploaded >= 0 && downloaded >= 0, 'negative totals');
      must(
        [...doubtful, ...partial.keys()].every((piece) => piece >= 0 && piece < verified!.length),
        'a piece that there is not',
      );
      if (fingerprints !== undefined && filePriorities !== undefined)
        mustEqual(filePriorities.length, fingerprints.length, 'number of priorities');
      must(
        weight({ ...resume, verified: undefined }, input) < 10_000 + 200 * input.length,
        'it takes too much memory',
      );
      const again = decodeResume(encodeResume(resume));
      must(again !== undefined, 'what was written anew cannot be read');
      mustEqual(plain(again), plain(resume), 'resume data written anew');
    }
    const files = decodeFilesRecord(input);
    if (files === undefined) return;
    for (const path of [...files.paths.values(), ...files.pending.values()]) {
      must(
        path.length > 0 &&
          path.every((name) => name !== '' && name !== '..' && name !== '.' && !/[/\\\0]/.test(name)),
        () => `a path ${JSON.stringify(path)}`,
      );
    }
    mustEqual(decodeFilesRecord(encodeFilesRecord(files)), files, 'a record of files written anew');
  },
};

/** Empty lists are not written. NaN is one value. */
function plain(resume: NonNullable<ReturnType<typeof decodeResume>>): unknown {
  const { verified, doubtful = [], partial = new Map(), pieceLayers = new Map(), ...rest } = resume;
  return { ...rest, verified: verified?.toBytes(), pieces: verified?.length, doubtful, partial, pieceLayers };
}
