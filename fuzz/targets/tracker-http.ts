/** HTTP trackers, from both sides (BEP 3, 7, 23, 24, 31, 48). */

import * as p from '../../packages/freshet/src/protocol/index.ts';
import { BENCODE_TOKENS, changeEncoded, latin1 } from '../grammar/bencode.ts';
import { anyUrl } from '../grammar/text.ts';
import { anyQuery, anyReply } from '../grammar/tracker.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';

const isCount = (value: number | undefined): boolean =>
  value === undefined || (Number.isSafeInteger(value) && value >= 0);

export const trackerReply: Target = {
  name: 'tracker-reply',
  about:
    'replies of HTTP trackers to announces and scrapes: in range, bounded, and the same when our tracker says them',
  shortRuns: 2500,
  tokens: [
    ...BENCODE_TOKENS,
    '5:peers',
    '6:peers6',
    '8:intervali1800e',
    '14:failure reason',
    '5:filesd20:',
    '8:retry in',
    '2:ip',
    '4:porti1e',
    '7:peer id20:',
  ],
  generate: anyReply,
  mutate: (input, dice) => changeEncoded(input, dice) ?? anyReply(dice),
  run: (input) => {
    const reply = p.parseAnnounceResponse(input);
    must(weight(reply, input) < 10_000 + 400 * input.length, 'the reply takes too much memory');
    if (reply.kind === 'announce') {
      const { interval, minInterval, complete, incomplete, downloaded, peers } = reply;
      must(
        [interval, minInterval, complete, incomplete, downloaded].every(isCount),
        () => `counts out of range: ${JSON.stringify(reply)}`,
      );
      must(interval !== 0 && minInterval !== 0, 'an interval of 0');
      for (const { host, port } of peers)
        must(host !== '' && port >= 1 && port <= 65_535, () => `the peer ${host}:${port}`);
      if (interval !== undefined && complete !== undefined && incomplete !== undefined) {
        const { trackerId: _, warning: __, ...facts } = reply;
        const compact = p.parseAnnounceResponse(
          p.encodeAnnounceResponse({ ...facts, interval, complete, incomplete, compact: false }),
        );
        mustEqual(compact, facts, 'the reply as our tracker says it');
      }
    }
    const scrape = p.parseScrapeResponse(input);
    must(weight(scrape, input) < 10_000 + 400 * input.length, 'the scrape takes too much memory');
    if (scrape.kind !== 'scrape') return;
    const files: [p.InfoHash, p.ScrapeCounts][] = [];
    for (const [hash, counts] of scrape.files) {
      must(Object.values(counts).every(isCount), () => `counts out of range: ${JSON.stringify(counts)}`);
      files.push([p.infoHashFromHex(hash)!, counts]);
    }
    mustEqual(
      p.parseScrapeResponse(p.encodeScrapeResponse(files, scrape.minRequestInterval)),
      scrape,
      'the scrape as our tracker says it',
    );
  },
};

export const trackerQuery: Target = {
  name: 'tracker-query',
  about: 'queries to HTTP trackers: in range, and the same when our client asks them at any address',
  shortRuns: 2500,
  tokens: [
    'info_hash=',
    'peer_id=',
    '&',
    '=',
    '%',
    '%00',
    'port=1',
    'left=',
    'event=stopped',
    'numwant=-1',
    '?',
    '#',
    '+',
  ],
  generate: (dice) => Buffer.from(dice.chance(1, 6) ? anyUrl(dice) : anyQuery(dice), 'latin1'),
  run: (input) => {
    const text = latin1(input);
    const query = p.parseAnnounceQuery(text);
    must(weight(query, input) < 10_000 + 100 * input.length, 'the query takes too much memory');
    if (query.kind === 'announce') {
      const { infoHash, peerId, port, uploaded, downloaded, left, event, numwant, key, trackerId } = query;
      must(
        infoHash.length === 20 && peerId.length === 20 && port >= 1 && port <= 65_535,
        'ids or port out of range',
      );
      must([uploaded, downloaded, left, numwant].every(isCount), 'counts out of range');
      for (const base of [
        'http://t.example/announce',
        'http://t.example/announce?pass=%ff#x',
        'http://t.example/?',
      ]) {
        const url = p.buildAnnounceUrl(base, {
          infoHash,
          peerId,
          port,
          uploaded,
          downloaded,
          left: left ?? 1,
          event,
          numwant,
          trackerId,
        });
        const again = p.parseAnnounceQuery(url.slice(url.indexOf('?') + 1));
        const { ip: _, ipv6: __, compact: ___, noPeerId: ____, ...facts } = query;
        mustEqual(
          { ...again, ip: undefined, ipv6: undefined, compact: undefined, noPeerId: undefined, key },
          { ...facts, left: left ?? 1, key },
          'the query as our client asks it',
        );
      }
    }
    const scrape = p.parseScrapeQuery(text);
    if (scrape.kind === 'scrape') {
      const url = p.buildScrapeUrl('http://t.example/scrape', scrape.infoHashes);
      mustEqual(p.parseScrapeQuery(url.split('?')[1] ?? ''), scrape, 'the scrape as our client asks it');
    }
    const base = p.scrapeUrl(text);
    if (base !== undefined) must(base.length === text.length - 2, 'the address for scrapes is another one');
    must(p.unescapeBytes(text).length <= text.length, 'bytes come out of nothing');
    mustEqual(p.unescapeBytes(p.escapeBytes(input)), input, 'bytes escaped and back');
  },
};
