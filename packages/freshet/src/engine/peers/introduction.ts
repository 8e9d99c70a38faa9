import type { Handshake, PeerId } from '../../protocol/index.ts';
import type { Clock, Timer } from '../ports.ts';
import type { SwarmHashes, SwarmKind } from '../swarm-hashes.ts';
import { agreedSwarm } from './agreed-swarm.ts';
import type { Greeting } from './greeting.ts';

/** Milliseconds in which both handshakes must be exchanged. */
const TIMEOUT = 15_000;
/** Milliseconds for which a peer that has called may take to name its swarm before we name ours. */
const FIRST_WORD_PATIENCE = 2000;

/** Who we are to peers. */
export interface Introduced {
  readonly hashes: SwarmHashes;
  readonly peerId: PeerId;
}

export interface IntroductionOptions {
  readonly clock: Clock;
  readonly greeting: Greeting;
  readonly incoming: boolean;
  /** Where the peer was found, if that is known. */
  readonly foundIn: SwarmKind | undefined;
  /** The peer has not introduced itself in time. */
  onTimeout(): void;
}

/** The exchange of handshakes: who speaks first, for how long we wait, and what both sides have agreed on (BEP 3, 52). */
export class Introduction {
  readonly #options: IntroductionOptions;
  readonly #timeout: Timer;
  #patience: Timer | undefined;
  #peer: Handshake | undefined;
  #swarm: SwarmKind | undefined;
  #calledIn: SwarmKind | undefined;

  constructor(options: IntroductionOptions) {
    this.#options = options;
    this.#timeout = options.clock.setTimer(TIMEOUT, () => options.onTimeout());
  }

  /** What the peer has introduced itself with, and we have taken. */
  get peer(): Handshake | undefined {
    return this.#peer;
  }

  /** The swarm that both sides have named, once the handshakes are exchanged. */
  get swarm(): SwarmKind | undefined {
    return this.#swarm;
  }

  /** The swarm that the caller named: the other one than `swarm` when the connection was upgraded. */
  get calledIn(): SwarmKind | undefined {
    return this.#calledIn;
  }

  /**
   * The torrent is known before the peer speaks. Then we speak first, unless the peer has called (WebRTC) in the v1 swarm
   * of a hybrid torrent: only who answers can upgrade the connection to v2 (BEP 52).
   */
  begin(as: Introduced): void {
    const { clock, greeting, incoming, foundIn } = this.#options;
    const introduce = (): void => greeting.introduce(as.hashes, as.hashes.choose(foundIn), as.peerId);
    if (!incoming || !as.hashes.hybrid || foundIn === 'v2') introduce();
    else this.#patience = clock.setTimer(FIRST_WORD_PATIENCE, introduce);
  }

  /** The peer has introduced itself. Returns whether it means this torrent. */
  accept(handshake: Handshake, hashes: SwarmHashes): boolean {
    const { greeting, incoming } = this.#options;
    const swarm = agreedSwarm(hashes, handshake, greeting.said);
    if (swarm === undefined) return false;
    this.#swarm = swarm;
    this.#calledIn = incoming ? hashes.swarmOf(handshake.infoHash) : greeting.said;
    this.#peer = handshake;
    this.close();
    return true;
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#timeout.cancel();
    this.#patience?.cancel();
  }
}
