/** The table of connected peers. */

import type { PeerSnapshot } from 'freshet';
import { formatBytes, formatSpeed } from '../ui/format.ts';
import { byId, make, setHidden, setText } from './dom.ts';

/** More would push the rest of the page away. */
const MOST = 12;
const NOBODY_YET = 'Nobody else is here yet. Open this page in a second window to be two.';
const NOBODY_NEEDS =
  'Everybody who is here has all of it, so nobody is connected. Whoever comes gets it from you too.';

interface Row {
  readonly row: HTMLTableRowElement;
  readonly who: Text;
  readonly how: HTMLElement;
  readonly from: Text;
  readonly fromTotal: HTMLElement;
  readonly to: Text;
  readonly toTotal: HTMLElement;
  readonly has: HTMLTableCellElement;
}

export class PeerTable {
  readonly #body: HTMLTableSectionElement = byId('peers', HTMLTableSectionElement);
  readonly #table: HTMLElement = byId('peer-table', HTMLTableElement);
  readonly #count: HTMLElement = byId('peer-count', HTMLSpanElement);
  readonly #nobody: HTMLElement = byId('no-peers', HTMLParagraphElement);
  readonly #rows = new Map<number, Row>();

  /** @param done all of it is here: nobody needs to be connected but those who take. */
  show(peers: readonly PeerSnapshot[], done: boolean): void {
    setText(this.#count, peers.length === 0 ? '' : String(peers.length));
    setHidden(this.#table, peers.length === 0);
    setHidden(this.#nobody, peers.length > 0);
    setText(this.#nobody, done ? NOBODY_NEEDS : NOBODY_YET);
    const shown = peers.slice(0, MOST);
    const ids = new Set(shown.map((peer) => peer.id));
    for (const [id, { row }] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const peer of shown) {
      const row = this.#rows.get(peer.id) ?? this.#add(peer.id);
      set(row.who, peer.isOrigin ? 'The site\u2019s seeder' : 'Viewer');
      setText(row.how, `${peer.client}, ${TRANSPORTS[peer.transport] ?? peer.transport}`);
      set(row.from, rate(peer.downloadSpeed));
      setText(row.fromTotal, formatBytes(peer.downloaded));
      set(row.to, rate(peer.uploadSpeed));
      setText(row.toTotal, formatBytes(peer.uploaded));
      setText(row.has, `${Math.floor(100 * peer.progress)}%`);
    }
  }

  #add(id: number): Row {
    const row = make('tr');
    const [who, from, to, has] = [make('td'), make('td'), make('td'), make('td')];
    const texts = [who, from, to].map((cell) => {
      const text = document.createTextNode('');
      const small = make('small');
      cell.append(text, small);
      return [text, small] as const;
    });
    row.append(who, from, to, has);
    this.#body.append(row);
    const [[whoText, how], [fromText, fromTotal], [toText, toTotal]] = texts as [
      readonly [Text, HTMLElement],
      readonly [Text, HTMLElement],
      readonly [Text, HTMLElement],
    ];
    const made: Row = { row, who: whoText, how, from: fromText, fromTotal, to: toText, toTotal, has };
    this.#rows.set(id, made);
    return made;
  }
}

const TRANSPORTS: Readonly<Record<string, string>> = { webrtc: 'WebRTC', tcp: 'TCP', utp: 'uTP' };

function rate(bytesPerSecond: number): string {
  return bytesPerSecond < 1 ? '\u2013' : formatSpeed(bytesPerSecond);
}

function set(node: Text, text: string): void {
  if (node.data !== text) node.data = text;
}
