/** Magnet links (BEP 9, 52, 53) and other texts that name a torrent. */

import {
  formatMagnet,
  type Magnet,
  MagnetError,
  parseMagnet,
  parseTorrentId,
  utf8Decode,
} from '../../packages/freshet/src/protocol/index.ts';
import type { Dice } from '../dice.ts';
import { anyAddress, anyUrl, escaped } from '../grammar/text.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';
import { attempt } from './bencode.ts';

const HASHES: readonly string[] = [
  `urn:btih:${'ab'.repeat(20)}`,
  `urn:btih:${'MZXW6YTB'.repeat(4)}`,
  `urn:btmh:1220${'cd'.repeat(32)}`,
  `URN:BTIH:${'AB'.repeat(20)}`,
  'urn:btih:',
  `urn:btih:${'g'.repeat(40)}`,
  `urn:btmh:1114${'cd'.repeat(20)}`,
  'urn:sha1:x',
];

function anyMagnet(dice: Dice): string {
  const value: Record<string, () => string> = {
    xt: () => dice.pick(HASHES),
    dn: () => dice.pick(['a b', 'caf\u00e9', '\u0000', '', 'x&y=z', '100%', '\u202e']),
    xl: () => `${dice.edge()}`,
    tr: () => anyUrl(dice),
    ws: () => anyUrl(dice),
    xs: () => anyUrl(dice),
    as: () => anyUrl(dice),
    'x.pe': () => anyAddress(dice),
    so: () =>
      dice
        .several(4, () =>
          dice.pick([`${dice.edge()}`, `${dice.below(9)}-${dice.below(99)}`, `0-${dice.edge()}`, 'x', '-']),
        )
        .join(','),
  };
  const keys = ['xt', ...dice.several(10, () => dice.pick(Object.keys(value)))];
  const parts = keys.map(
    (key) => `${key}${dice.chance(1, 8) ? `.${dice.below(12)}` : ''}=${escaped(value[key]!(), dice)}`,
  );
  return (
    dice.pick(['magnet:?', 'magnet:?', 'MAGNET:?', ' magnet:?', 'magnet:']) +
    parts.join(dice.pick(['&', '&', '&amp;']))
  );
}

function comparable({ name, ...magnet }: Magnet): unknown {
  return { ...magnet, name: name?.trim() };
}

export const magnet: Target = {
  name: 'magnet',
  about: 'magnet links and other texts that name a torrent; written again they say the same',
  shortRuns: 2500,
  tokens: [
    'magnet:?',
    'xt=urn:btih:',
    'xt=urn:btmh:1220',
    '&tr=',
    '&so=0-9',
    '&x.pe=[::1]:1',
    '&amp;',
    '%',
    '%00',
    '.1=',
  ],
  generate: (dice) => Buffer.from(anyMagnet(dice)),
  run: (input) => {
    const text = utf8Decode(input);
    const id = attempt(() => parseTorrentId(text), MagnetError);
    const parsed = attempt(() => parseMagnet(text), MagnetError)?.value;
    if (/^\s*magnet:/i.test(text))
      mustEqual(id?.value.kind, parsed === undefined ? undefined : 'magnet', 'kind of what is named');
    else must(id !== undefined, 'something else than a magnet link is refused');
    if (parsed === undefined) return;
    const { infoHash, length, peers, selectOnly = [] } = parsed;
    mustEqual(infoHash.length, 20, 'bytes of the info-hash');
    must(
      length === undefined || (Number.isSafeInteger(length) && length >= 0),
      () => `a length of ${length}`,
    );
    for (const { port } of peers) must(port >= 1 && port <= 65_535, () => `a peer at port ${port}`);
    must(
      selectOnly.every((index, i) => i === 0 || index > selectOnly[i - 1]!),
      'selected files are not in order',
    );
    must(selectOnly.length <= 100_000, 'too many files are selected');
    must(
      weight({ ...parsed, selectOnly: [] }, input) < 10_000 + 100 * input.length,
      'it takes too much memory',
    );
    const again = parseMagnet(formatMagnet(parsed));
    mustEqual(comparable(again), comparable(parsed), 'the link written anew');
  },
};
