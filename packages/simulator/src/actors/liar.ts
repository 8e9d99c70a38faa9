/** A real engine that sends wrong data: everything it says is right but the blocks, or the hashes. */

import type { Link } from 'freshet/engine';
import type { SeededRandom } from 'freshet/memory';
import { PIECE_HEADER_LENGTH, readUint32, WIRE_MESSAGE } from 'freshet/protocol';
import { changedLink } from './changed-link.ts';

export interface LiarOptions {
  /** Which blocks are wrong. Default none. */
  readonly blocks?:
    | 'all'
    /** Some of them, by chance. */
    | { readonly share: number; readonly random: SeededRandom }
    | { readonly piece: number }
    | undefined;
  /** The host that is lied to. Default everybody. */
  readonly victim?: string | undefined;
  /** What becomes of hashes that it was asked for (BEP 52). Default: they are sent. */
  readonly hashes?: 'wrong' | 'silent' | undefined;
}

/** What stands between the engine and its links, and what it did there. */
export interface Liar {
  /** Wrong blocks that were sent. */
  readonly lies: number;
  /** Wrong blocks by the host that they went to. */
  readonly liesTo: ReadonlyMap<string, number>;
  /** Answers to hash requests that were made wrong, or kept back. */
  readonly hashLies: number;
  readonly wrapLink: (link: Link) => Link;
}

export function liar(options: LiarOptions): Liar {
  const liesTo = new Map<string, number>();
  let lies = 0;
  let hashLies = 0;

  const lied = (piece: number): boolean => {
    const { blocks } = options;
    if (blocks === undefined) return false;
    if (blocks === 'all') return true;
    if ('piece' in blocks) return blocks.piece === piece;
    return blocks.random.below(1_000_000) < blocks.share * 1_000_000;
  };

  const flipped = (message: Uint8Array, at: number): Uint8Array => {
    const wrong = message.slice();
    wrong[at] = wrong[at]! ^ 1;
    return wrong;
  };

  const wrapLink = (link: Link): Link => {
    const to = link.remote?.host ?? '';
    if (options.victim !== undefined && to !== options.victim) return link;
    return changedLink(link, {
      message: (message) => {
        const kind = message[4];
        if (kind === WIRE_MESSAGE.piece && lied(readUint32(message, 5))) {
          lies++;
          liesTo.set(to, (liesTo.get(to) ?? 0) + 1);
          return flipped(message, PIECE_HEADER_LENGTH + (lies % (message.length - PIECE_HEADER_LENGTH)));
        }
        if (kind === WIRE_MESSAGE.hashes && options.hashes !== undefined) {
          hashLies++;
          return options.hashes === 'silent' ? undefined : flipped(message, message.length - 1);
        }
        return message;
      },
    });
  };

  return {
    get lies(): number {
      return lies;
    },
    liesTo,
    get hashLies(): number {
      return hashLies;
    },
    wrapLink,
  };
}
