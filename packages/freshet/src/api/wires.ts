/** The connected peers of a torrent, as a session reports them. */

import { LazyMap } from '../protocol/lazy-collections.ts';
import type { PeerSnapshot } from '../session/protocol.ts';
import { Wire } from './wire.ts';

export class Wires {
  readonly #byId: Map<number, Wire> = new LazyMap();

  get size(): number {
    return this.#byId.size;
  }

  all(): Wire[] {
    return [...this.#byId.values()];
  }

  /** A peer has connected; `remove` disconnects it. */
  add(peer: PeerSnapshot, remove: (wire: Wire) => void): Wire {
    const wire: Wire = new Wire(peer, () => remove(wire));
    this.#byId.set(peer.id, wire);
    return wire;
  }

  update(peers: readonly PeerSnapshot[]): void {
    for (const peer of peers) this.#byId.get(peer.id)?.update(peer);
  }

  /** A peer has gone; its last bytes, if `peer` tells them, are counted too. */
  end(id: number, peer: PeerSnapshot | undefined): void {
    const wire = this.#byId.get(id);
    this.#byId.delete(id);
    if (peer !== undefined) wire?.update(peer);
    wire?.closed();
  }

  endAll(): void {
    const wires = this.all();
    this.#byId.clear();
    for (const wire of wires) wire.closed();
  }
}
