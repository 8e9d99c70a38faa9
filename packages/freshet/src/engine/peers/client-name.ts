import type { PeerId } from '../../protocol/index.ts';

/** Two-letter codes of peer ids in Azureus style (BEP 20). */
const CLIENTS: Readonly<Record<string, string>> = {
  AZ: 'Vuze',
  BC: 'BitComet',
  DE: 'Deluge',
  FR: 'Freshet',
  KT: 'KTorrent',
  LT: 'libtorrent',
  lt: 'rTorrent',
  qB: 'qBittorrent',
  TR: 'Transmission',
  UT: 'µTorrent',
  WD: 'WebTorrent Desktop',
  WW: 'WebTorrent',
  rQ: 'rqbit',
};

/** What a peer id says of the client, as people know it. */
export function clientName(peerId: PeerId): string {
  const text = String.fromCharCode(...peerId.subarray(0, 8));
  const azureus = /^-([A-Za-z]{2})([0-9A-Za-z]{4})-$/.exec(text);
  if (azureus !== null) {
    const version = [...azureus[2]!].map((digit) => Number.parseInt(digit, 36)).join('.');
    return `${CLIENTS[azureus[1]!] ?? azureus[1]} ${version.replace(/(\.0)+$/, '')}`;
  }
  // aria2 and others put a plain name in front.
  const plain = /^([A-Z]\d)-\d/.exec(text);
  if (plain?.[1] === 'A2') return 'aria2';
  return 'unknown';
}
