import { Bitfield, type BlockRequest, type InfoHash, type PeerAddress } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Clock, Hasher, Random } from '../ports.ts';
import { AllowedFastBudget, allowedFastSet, allowedFastSize } from './allowed-fast.ts';
import type { Exchange } from './peer-owner.ts';
import { RecentPieces } from './suggestions.ts';
import { type SuperSeededPeer, SuperSeeding } from './super-seeding.ts';

/** A connection, as far as what it gets beside its slot goes. */
export interface IncentivePeer extends SuperSeededPeer {
  readonly closed: boolean;
  /** It speaks the fast extension (BEP 6). */
  readonly fast: boolean;
  readonly amChoking: boolean;
  readonly connectedAt: number;
  readonly address: PeerAddress | undefined;
  /** Hash by which the torrent is known on this connection. */
  readonly infoHash: InfoHash | undefined;
  /** It has said which pieces it has. */
  readonly toldPieces: boolean;
  /** Pieces that it has. */
  readonly pieceCount: number;
  allowFast(piece: number): void;
  suggest(piece: number): void;
}

export interface IncentivesOptions {
  readonly hasher: Pick<Hasher, 'sha1'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** Those connected now, by id. */
  readonly peers: ReadonlyMap<number, IncentivePeer>;
  /** Super-seed (BEP 16) when everything is there. */
  readonly superSeed: boolean;
  /** Bytes of the read cache. */
  readonly readCache: number;
  /** Upload slots; 0: nobody is given anything, choked or not. */
  readonly uploadSlots: number | undefined;
  readonly uploadLimiter: { readonly rate: number | undefined };
}

/** A newcomer that is choked for so many milliseconds is allowed its pieces. */
const CHOKED_FOR = 1000;
/** Peers of unknown hosts, as pages are to each other, have together as much as so many networks. */
const UNKNOWN_SHARES = 8;
/** What a super-seed says that it has, whatever the number of pieces: `have none`, or no bitfield. */
const NOTHING = new Bitfield(0);

/**
 * What peers are told and given beside their slots: the pieces that a newcomer may have while it is choked, hints
 * what costs us nothing to send (BEP 6), and in super-seeding what we admit to have (BEP 16).
 */
export class Incentives {
  readonly #options: IncentivesOptions;
  readonly #budget = new AllowedFastBudget();
  /** Pieces allowed to each peer; empty while the set is being made. */
  readonly #allowed = new LazyMap<number, ReadonlySet<number>>();
  #exchange: Exchange | undefined;
  #recent: RecentPieces | undefined;
  #superSeeding: SuperSeeding | undefined;

  constructor(options: IncentivesOptions) {
    this.#options = options;
  }

  /** We claim to have less than we have (BEP 16). */
  get superSeeding(): boolean {
    return this.#superSeeding?.over === false;
  }

  /** What those who connect now are told that we have; `undefined` while it is not known. */
  get announced(): Bitfield | undefined {
    return this.superSeeding ? NOTHING : this.#exchange?.store.verified;
  }

  /** Pieces can be exchanged from now on. */
  adopt(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#recent = new RecentPieces(exchange.info.pieceLength, this.#options.readCache);
    this.#superSeeding = undefined;
    if (this.#options.superSeed && exchange.store.verified.isFull) this.#superSeed([]);
  }

  /** We have everything now, and did not before: whoever comes from now on is super-seeded, if there is no other seed. */
  onComplete(): void {
    const { superSeed, peers } = this.#options;
    if (!superSeed || this.#superSeeding !== undefined || this.#exchange === undefined) return;
    for (const peer of peers.values()) if (peer.isSeed) return;
    this.#superSeed(peers.keys());
  }

  /** @param knowing peers that were told already what we have. */
  #superSeed(knowing: Iterable<number>): void {
    const { random, peers } = this.#options;
    const { store } = this.#exchange!;
    if (store.verified.length === 0) return;
    this.#superSeeding = new SuperSeeding({
      pieceCount: store.verified.length,
      random,
      peers,
      knowing,
      availability: (piece) => store.picker.availability(piece),
      isVerified: (piece) => store.verified.get(piece),
    });
  }

  /** The peer has told of its pieces, or of more of them. */
  onPieces(peer: IncentivePeer): void {
    if (this.#exchange === undefined || !peer.toldPieces) return;
    if (this.#superSeeding === undefined) return;
    const now = this.#options.clock.now();
    if (!peer.isSeed) this.#superSeeding.add(peer, now);
    this.#superSeeding.onHave(peer, now);
  }

  /** We have a piece no longer. */
  onLost(): void {
    this.#superSeeding?.end();
  }

  onUnchoked(peer: IncentivePeer): void {
    if (this.superSeeding || !peer.fast) return;
    const verified = this.#exchange?.store.verified;
    const lacks = (piece: number): boolean => !peer.has(piece) && verified?.get(piece) === true;
    for (const piece of this.#recent?.suggest(lacks) ?? []) peer.suggest(piece);
  }

  /** Blocks of the piece were sent. */
  onSent(piece: number): void {
    this.#recent?.note(piece);
  }

  /** Whether a request is answered: whoever is choked, or was not told of the piece, has to be entitled to it. */
  accepts(peer: IncentivePeer, request: BlockRequest): boolean {
    if (this.#superSeeding?.allows(peer.id, request.piece) === false) return false;
    if (!peer.amChoking) return true;
    const pieceLength = this.#exchange?.info.pieceLength;
    if (pieceLength === undefined || this.#allowed.get(peer.id)?.has(request.piece) !== true) return false;
    const size = allowedFastSize(pieceLength);
    // Who has as many has something to trade (BEP 6).
    if (peer.pieceCount > size) return false;
    const { host } = peer.address ?? {};
    const total = size * pieceLength * (host === undefined ? UNKNOWN_SHARES : 1);
    return this.#budget.take(host, request.length, total, this.#options.clock.now());
  }

  onClosed(id: number): void {
    this.#allowed.delete(id);
    this.#superSeeding?.remove(id);
  }

  /** Once a second. */
  tick(now: number): void {
    const superSeeding = this.#superSeeding;
    const { peers } = this.#options;
    if (!this.superSeeding) for (const peer of peers.values()) this.#allowNewcomer(peer, now);
    if (superSeeding === undefined) return;
    // Who has no pieces and does not speak the fast extension need not say so.
    for (const peer of peers.values()) if (!peer.isSeed) superSeeding.add(peer, now);
    superSeeding.tick(now);
  }

  /** Allows the peer its set, once, if it needs it. */
  #allowNewcomer(peer: IncentivePeer, now: number): void {
    const { uploadSlots, uploadLimiter } = this.#options;
    if (this.#exchange === undefined || this.#allowed.has(peer.id)) return;
    if (uploadSlots === 0 || uploadLimiter.rate === 0) return;
    // Most are unchoked at once where there is room; a set that is the same for a whole network would only have them
    // all take the same.
    if (!peer.amChoking || !peer.peerInterested || now - peer.connectedAt < CHOKED_FOR) return;
    const { info, store } = this.#exchange;
    const size = allowedFastSize(info.pieceLength);
    if (!peer.fast || store.verified.isEmpty || peer.pieceCount >= size) return;
    if (peer.infoHash === undefined) return;
    this.#allowed.set(peer.id, new Set());
    // Without the hash there is no set, which nobody is owed.
    this.#allow(peer, peer.infoHash, this.#exchange, size).catch(() => {});
  }

  async #allow(
    peer: IncentivePeer,
    infoHash: InfoHash,
    { info, store }: Exchange,
    size: number,
  ): Promise<void> {
    const { hasher } = this.#options;
    const pieces = await allowedFastSet(hasher, peer.address?.host, infoHash, info.pieceCount, size);
    if (peer.closed || !this.#allowed.has(peer.id) || this.superSeeding) return;
    const allowed = new Set(pieces.filter((piece) => store.verified.get(piece) && !peer.has(piece)));
    this.#allowed.set(peer.id, allowed);
    for (const piece of allowed) peer.allowFast(piece);
  }
}
