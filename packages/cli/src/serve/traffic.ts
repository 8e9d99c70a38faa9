/** What a site has given, by the way it went. */

import type { Torrent, Wire } from 'freshet';

export interface Traffic {
  /** Payload bytes sent to peers. */
  readonly tcp: number;
  readonly webrtc: number;
  readonly total: number;
  /** Bytes per second. */
  readonly speed: number;
  /** Connected peers. */
  readonly peers: { readonly tcp: number; readonly webrtc: number };
}

type Kind = 'tcp' | 'webrtc';

/** Counts what goes to the peers of some torrents, those gone included. */
export class TrafficMeter {
  readonly #torrents: Torrent[] = [];
  readonly #gone = { tcp: 0, webrtc: 0 };

  add(torrent: Torrent): void {
    this.#torrents.push(torrent);
    torrent.on('wire', (wire) => {
      wire.once('close', () => {
        this.#gone[kindOf(wire)] += wire.uploaded;
      });
    });
  }

  read(): Traffic {
    const sent = { ...this.#gone };
    const peers = { tcp: 0, webrtc: 0 };
    let total = 0;
    let speed = 0;
    for (const torrent of this.#torrents) {
      total += torrent.uploaded;
      speed += torrent.uploadSpeed;
      for (const wire of torrent.wires) {
        sent[kindOf(wire)] += wire.uploaded;
        peers[kindOf(wire)]++;
      }
    }
    // A wire's own count is up to a second old, and a torrent's is not.
    return { ...sent, total: Math.max(total, sent.tcp + sent.webrtc), speed, peers };
  }
}

function kindOf(wire: Wire): Kind {
  return wire.type === 'webrtc' ? 'webrtc' : 'tcp';
}
