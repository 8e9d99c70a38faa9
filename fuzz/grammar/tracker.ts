/** What trackers and their clients say to each other, over HTTP and WebSocket. */

import type { Dice } from '../dice.ts';
import { anyTree, type Tree, writeTree } from './bencode.ts';
import { anyIp, anyJson, escaped } from './text.ts';

export function anyReply(dice: Dice): Uint8Array {
  if (dice.chance(1, 10)) return writeTree(anyTree(dice), dice, 30);
  const reply = new Map<string, Tree>();
  const number = (key: string): void => {
    if (dice.chance(1, 2)) reply.set(key, BigInt(dice.edge()) * (dice.chance(1, 8) ? -1n : 1n));
  };
  for (const key of ['interval', 'min interval', 'complete', 'incomplete', 'downloaded']) number(key);
  if (dice.chance(1, 2))
    reply.set(
      'peers',
      dice.chance(1, 2)
        ? dice.bytes(6 * dice.below(5) + (dice.chance(1, 8) ? 1 : 0))
        : dice.several(4, () => anyPeer(dice)),
    );
  if (dice.chance(1, 4)) reply.set('peers6', dice.bytes(18 * dice.below(3)));
  if (dice.chance(1, 8)) reply.set('failure reason', dice.pick(['no', '', '\xff', 'x'.repeat(500)]));
  if (dice.chance(1, 8))
    reply.set('retry in', dice.pick<Tree>(['never', '5', '-1', 30n, 'x', '999999999', '9999999999']));
  if (dice.chance(1, 8)) reply.set('warning message', dice.pick(['hm', '\xff\0', '']));
  if (dice.chance(1, 8)) reply.set('tracker id', dice.bytes(dice.below(30)));
  if (dice.chance(1, 8)) reply.set('external ip', dice.bytes(dice.pick([4, 16, 5, 0])));
  if (dice.chance(1, 4))
    reply.set(
      dice.pick(['files', 'host']),
      new Map(
        dice.several(4, () => [
          Buffer.from(dice.bytes(dice.pick([20, 20, 19]))).toString('latin1'),
          anyCounts(dice),
        ]),
      ),
    );
  if (dice.chance(1, 8)) reply.set('flags', new Map([['min_request_interval', BigInt(dice.edge())]]));
  return writeTree(reply, dice, dice.pick([0, 0, 10]));
}

function anyPeer(dice: Dice): Tree {
  return new Map<string, Tree>([
    ['ip', dice.chance(1, 2) ? anyIp(dice) : dice.pick(['a.example', '', 'x'.repeat(300), '\xff'])],
    ['port', BigInt(dice.pick([1, 80, 0, 65_535, 65_536, dice.edge()]))],
    ...(dice.chance(1, 2) ? [['peer id', dice.bytes(dice.pick([20, 20, 3]))] as const] : []),
  ]);
}

function anyCounts(dice: Dice): Tree {
  return new Map(
    dice.several(4, () => [dice.pick(['complete', 'incomplete', 'downloaded']), BigInt(dice.edge())]),
  );
}

/** What follows the `?` of an announce or a scrape. */
export function anyQuery(dice: Dice): string {
  const twenty = (): string => {
    const bytes = Array.from(dice.bytes(dice.chance(15, 16) ? 20 : dice.below(25)));
    return bytes
      .map((byte) =>
        dice.chance(1, 3) && /[A-Za-z0-9+]/.test(String.fromCharCode(byte))
          ? String.fromCharCode(byte)
          : `%${byte.toString(16).padStart(2, '0')}`,
      )
      .join('');
  };
  const value: Record<string, () => string> = {
    info_hash: twenty,
    peer_id: twenty,
    port: () => `${dice.pick([6881, 0, 65_535, 65_536, dice.edge()])}`,
    uploaded: () => `${dice.edge()}`,
    downloaded: () => '99999999999999999999',
    left: () => `${dice.pick([0, 1, dice.edge()])}`,
    event: () => dice.pick(['started', 'stopped', 'completed', 'paused', 'update', '', 'STARTED']),
    numwant: () => `${dice.pick(['0', '-1', '50', '1e3', dice.edge()])}`,
    compact: () => dice.pick(['0', '1', '']),
    no_peer_id: () => '1',
    ip: () => anyIp(dice),
    ipv6: () => escaped(anyIp(dice), dice),
    key: () => escaped('k\u00e9y', dice),
    trackerid: () => escaped('a&b', dice),
  };
  const keys = [
    'info_hash',
    ...(dice.chance(7, 8) ? ['peer_id', 'port'] : []),
    ...dice.several(8, () => dice.pick(Object.keys(value))),
  ];
  return (
    (dice.chance(1, 8) ? '?' : '') +
    keys
      .map((key) => `${dice.chance(1, 30) ? escaped(key, dice) : key}=${value[key]!()}`)
      .join(dice.chance(1, 20) ? ';' : '&')
  );
}

const IDS: readonly string[] = [
  '\u0001'.repeat(20),
  '\u00ff'.repeat(20),
  `${'\u0080\u001f'.padEnd(19, 'h')}2`,
  'a'.repeat(20),
  '-FR0100-abcdefghijkl',
];

export interface WsIds {
  readonly hashes: readonly string[];
  readonly peers: readonly string[];
  readonly offers: readonly string[];
}

const ANY_IDS: WsIds = { hashes: IDS, peers: IDS, offers: IDS };

/** An object of a WebSocket frame, of either direction. */
export function anyFrame(dice: Dice, ids: WsIds = ANY_IDS, spoil = 12): Record<string, unknown> {
  const id = (list: readonly string[]): unknown =>
    dice.chance(1, 4 * spoil) ? anyJson(dice) : dice.pick(list);
  const description = (type: string): unknown =>
    dice.chance(1, spoil)
      ? anyJson(dice)
      : { type, sdp: dice.pick(['v=0', '', 'x'.repeat(100), 'v=0\r\na=x-memory-offer:1\r\n']) };
  const number = (): unknown => (dice.chance(1, spoil) ? anyJson(dice) : dice.pick([0, 1, 5, dice.edge()]));
  const frame: Record<string, unknown> = {
    action: dice.chance(7, 8) ? 'announce' : dice.pick(['scrape', 'x', null]),
  };
  frame['info_hash'] =
    frame['action'] === 'scrape' && dice.chance(1, 2)
      ? dice.several(4, () => id(ids.hashes))
      : id(ids.hashes);
  frame['peer_id'] = id(ids.peers);
  const optional: Record<string, () => unknown> = {
    offers: () => dice.several(5, () => ({ offer: description('offer'), offer_id: id(ids.offers) })),
    event: () => dice.pick(['started', 'stopped', 'completed', 'paused', 'update', null, 7]),
    numwant: number,
    left: () => (dice.chance(1, 4) ? null : number()),
    uploaded: number,
    downloaded: number,
    interval: number,
    'min interval': number,
    complete: number,
    incomplete: number,
    trackerid: () => dice.pick(['x', '', 5]),
    'tracker id': () => dice.pick(['x', 'y'.repeat(600), null]),
    'warning message': () => dice.pick(['hm', 5, '']),
    'failure reason': () => dice.pick(['no', 5, '', null]),
    files: () =>
      Object.fromEntries(
        dice.several(3, () => [
          dice.pick(ids.hashes),
          { complete: number(), incomplete: number(), downloaded: number() },
        ]),
      ),
    flags: () => (dice.chance(1, 2) ? { min_request_interval: number() } : anyJson(dice)),
  };
  for (const key of dice.several(8, () => dice.pick(Object.keys(optional)))) frame[key] = optional[key]!();
  if (dice.chance(1, 4)) {
    const type = dice.pick(['offer', 'answer']);
    frame[type] = description(type);
    frame['offer_id'] = id(ids.offers);
    frame['to_peer_id'] = id(ids.peers);
  }
  return frame;
}
