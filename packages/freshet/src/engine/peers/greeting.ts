import {
  type Bitfield,
  EXTENDED_HANDSHAKE,
  type ExtendedHandshake,
  encodeBitfield,
  encodeExtended,
  encodeExtendedHandshake,
  encodeHandshake,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  type HandshakeFlags,
  type PeerId,
} from '../../protocol/index.ts';
import type { SwarmHashes, SwarmKind } from '../swarm-hashes.ts';
import type { Outbox } from './outbox.ts';

/**
 * What we say first on a connection, each thing at most once and in the order that BEP 3, 6 and 10 ask for: the
 * handshake, the extended handshake, which pieces we have. Pieces that are known only later, when the metadata has
 * come or stored data is checked, are told one by one, as a bitfield may come first only.
 */
export class Greeting {
  readonly #outbox: Outbox;
  #said: SwarmKind | undefined;
  #done = false;
  #piecesDue = false;
  /** It has been told that we lack the metadata. */
  #metadataDue = false;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** All is said that must come before other messages. */
  get done(): boolean {
    return this.#done;
  }

  /** The swarm that we have named; `undefined` while we are not introduced. */
  get said(): SwarmKind | undefined {
    return this.#said;
  }

  /** Says who we are, if that is not said yet: whoever dials speaks first. @param swarm one that the torrent is in. */
  introduce(hashes: SwarmHashes, swarm: SwarmKind, peerId: PeerId): void {
    if (this.#said !== undefined) return;
    this.#said = swarm;
    const v2 = hashes.v2 !== undefined;
    this.#outbox.send(encodeHandshake({ infoHash: hashes.of(swarm)!, peerId, reserved: { v2 } }));
  }

  /**
   * Both sides are introduced.
   * @param peer what the peer speaks.
   * @param verified our pieces; `undefined` when they are not known yet.
   */
  greet(peer: HandshakeFlags, extended: () => ExtendedHandshake, verified: Bitfield | undefined): void {
    const say = (message: Uint8Array): void => this.#outbox.send(message);
    if (peer.extension) this.#tellExtensions(extended());
    if (peer.fast && verified?.isFull && verified.length > 0) say(encodeHaveAll());
    else if (peer.fast && (verified === undefined || verified.isEmpty)) say(encodeHaveNone());
    else if (verified !== undefined && !verified.isEmpty) say(encodeBitfield(verified.toBytes()));
    this.#done = true;
    this.#piecesDue = verified === undefined;
  }

  /** We have the metadata now: a peer that lacks it and was told that we do too can have it of us (BEP 9). */
  tellMetadata(extended: () => ExtendedHandshake): void {
    if (this.#metadataDue) this.#tellExtensions(extended());
  }

  #tellExtensions(handshake: ExtendedHandshake): void {
    this.#metadataDue = handshake.metadataSize === undefined;
    this.#outbox.send(encodeExtended(EXTENDED_HANDSHAKE, encodeExtendedHandshake(handshake)));
  }

  /** Our pieces are known now: tells those that `greet` could not. */
  tellPieces(verified: Bitfield): void {
    if (!this.#piecesDue) return;
    this.#piecesDue = false;
    this.#outbox.together(() => {
      for (const piece of verified.indexes()) this.#outbox.send(encodeHave(piece));
    });
  }
}
