/** Real engines that take and do not give. */

import type { Link } from 'freshet/engine';
import type { SeededRandom } from 'freshet/memory';
import { WIRE_MESSAGE } from 'freshet/protocol';
import type { Peer, World } from '../world.ts';
import { changedLink, type OutgoingChange } from './changed-link.ts';

/** What a free-rider keeps to itself: it chokes everybody, and allows nobody anything. */
const WITHHELD: ReadonlySet<number> = new Set([
  WIRE_MESSAGE.unchoke,
  WIRE_MESSAGE.allowedFast,
  WIRE_MESSAGE.suggest,
  WIRE_MESSAGE.piece,
]);

export interface FreeRider {
  /** Times that it should have unchoked somebody. */
  readonly unchokesWithheld: number;
  readonly wrapLink: (link: Link) => Link;
}

/** Downloads and never uploads. */
export function freeRider(): FreeRider {
  const change = withhold();
  return {
    get unchokesWithheld(): number {
      return change.withheld;
    },
    wrapLink: (link) => changedLink(link, change),
  };
}

function withhold(): OutgoingChange & { readonly withheld: number } {
  let withheld = 0;
  return {
    get withheld(): number {
      return withheld;
    },
    message: (message) => {
      if (!WITHHELD.has(message[4]!)) return message;
      if (message[4] === WIRE_MESSAGE.unchoke) withheld++;
      return undefined;
    },
  };
}

export interface StrategicFreeRider extends FreeRider {
  /** Names that it has gone by. */
  readonly identities: number;
  /** Begins to come back under another name every so many milliseconds. */
  start(world: World, peer: Peer, every: number): void;
}

/** Never uploads, and comes back under a new name again and again, for what newcomers are given. */
export function strategicFreeRider(random: SeededRandom): StrategicFreeRider {
  const change = withhold();
  let id: Uint8Array | undefined;
  let identities = 1;
  const wrapLink = (link: Link): Link =>
    changedLink(link, {
      message: change.message,
      handshake: (bytes) => {
        // What follows the client's name in the id.
        if (id !== undefined) bytes.set(id, 56);
      },
    });
  const start = (world: World, peer: Peer, every: number): void => {
    world.clock.setTimer(every, () => {
      if (peer.torrent.state === 'closed' || peer.torrent.done) return;
      identities++;
      id = new Uint8Array(12);
      random.fill(id);
      world.network.cut(peer.host.address);
      // The others are called again as soon as the connections have ended.
      world.clock.setTimer(1, () => peer.engine.networkChanged());
      start(world, peer, every);
    });
  };
  return {
    get unchokesWithheld(): number {
      return change.withheld;
    },
    get identities(): number {
      return identities;
    },
    wrapLink,
    start,
  };
}
