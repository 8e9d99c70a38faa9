/** Texts: addresses, web addresses, escapes. */

import type { Dice } from '../dice.ts';

const HOSTS: readonly string[] = [
  'a.example',
  'b.example:8080',
  '[::1]',
  '[2001:db8::1]:81',
  '127.0.0.1',
  '1.2.3.4:65535',
  'x:0',
  'xn--bcher-kva.example',
  'localhost:',
  '',
  'a b',
  '256.1.1.1',
  '[::1',
  '%41.example',
  'user:pass@c.example',
  'caf\u00e9.example',
];
const PATHS: readonly string[] = [
  '',
  '/',
  '/announce',
  '/scrape',
  '/a/announce.php?passkey=1',
  '/a b',
  '/%zz',
  '/?',
  '?x=',
  '#',
  '/..',
  '/\u0000',
  '/%C3%A9',
];
const SCHEMES: readonly string[] = [
  'http://',
  'https://',
  'ws://',
  'wss://',
  'udp://',
  'HTTP://',
  'javascript:',
  'ftp://',
  '//',
  '',
];

export function anyUrl(dice: Dice): string {
  return dice.pick(SCHEMES) + dice.pick(HOSTS) + dice.pick(PATHS);
}

/** Of an IPv4 or IPv6 address, or nearly. */
export function anyIp(dice: Dice): string {
  const part = (): string => dice.pick(['0', '1', '255', '256', '00', '', '127', `${dice.below(300)}`]);
  const group = (): string =>
    dice.pick(['0', '1', 'ffff', '', 'g', '00000', 'dead', dice.below(65_536).toString(16)]);
  const v4 = (count: number): string => Array.from({ length: count }, part).join('.');
  if (dice.chance(1, 2)) return v4(dice.pick([4, 4, 4, 3, 5]));
  const row = (): string => Array.from({ length: dice.below(9) }, group).join(':');
  return dice.pick([row, () => `${row()}::${row()}`, () => `::ffff:${v4(4)}`, () => `${row()}%eth0`])();
}

export function anyAddress(dice: Dice): string {
  const ip = dice.chance(1, 4) ? dice.pick(HOSTS) : anyIp(dice);
  const host = ip.includes(':') && dice.chance(3, 4) ? `[${ip}]` : ip;
  return `${host}:${dice.chance(1, 2) ? 1 + dice.below(65_535) : dice.edge()}`;
}

/** Percent-encoded in one of the ways that are seen, or wrongly. */
export function escaped(text: string, dice: Dice): string {
  let result = '';
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    const hex = byte.toString(16).padStart(2, '0');
    const plain = /[A-Za-z0-9._~-]/.test(char);
    result +=
      plain && !dice.chance(1, 20)
        ? char
        : dice.pick([`%${hex}`, `%${hex}`, `%${hex.toUpperCase()}`, plain ? char : `%${hex}`]);
    if (dice.chance(1, 60)) result += dice.pick(['%', '%4', '%zz', '+', '&', '=', '%00', '%ff', '%e2%82']);
  }
  return result;
}

/** JSON of values that need not be any; what `undefined` stands for is left out. */
export function anyJson(dice: Dice, depth = 0): unknown {
  switch (dice.below(depth > 3 ? 7 : 9)) {
    case 0:
      return null;
    case 1:
      return dice.chance(1, 2);
    case 2:
      return dice.edge();
    case 3:
      return dice.pick([-1, 0.5, 1e308, -0, 1e-7, 2 ** 53]);
    case 4:
      return dice.pick(['', 'offer', 'answer', 'announce', '__proto__', '\u0000', '\ud800', 'x'.repeat(200)]);
    case 5:
    case 6:
      return dice.pick(['a'.repeat(20), '\u00ff'.repeat(20), '\u0100'.repeat(20), 'b'.repeat(19)]);
    case 7:
      return dice.several(5, () => anyJson(dice, depth + 1));
    default:
      return Object.fromEntries(
        dice.several(5, () => [
          dice.pick(['type', 'sdp', 'offer', 'offer_id', '__proto__', 'x']),
          anyJson(dice, depth + 1),
        ]),
      );
  }
}
