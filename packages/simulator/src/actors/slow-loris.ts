import {
  encodeHandshake,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodePieceHeader,
  encodeRequest,
  encodeUnchoke,
} from 'freshet/protocol';
import type { World } from '../world.ts';
import { type ActorOptions, type Script, type Wire, WireActor } from './wire.ts';

const SECOND = 1000;
const BLOCK = 16 * 1024;
/** Requests that are left open at the victim. */
const REQUESTS = 200;

export interface SlowLorisOptions extends ActorOptions {
  /**
   * What is slow, a byte a second: its handshake; the blocks that it was asked for; or its reading of what it asks for,
   * which holds an upload slot.
   */
  readonly at: 'handshake' | 'blocks' | 'reading';
}

/** Does everything right, a byte a second, to hold connections, pieces and slots. */
export class SlowLoris extends WireActor {
  /** Bytes that it sent one at a time. */
  dripped = 0;
  /** Requests that it left open: of the victim's, or of its own. */
  heldRequests = 0;
  readonly #at: SlowLorisOptions['at'];

  constructor(world: World, options: SlowLorisOptions) {
    super(world, options);
    this.#at = options.at;
  }

  protected override begin(wire: Wire): void {
    if (this.#at === 'handshake') {
      const { infoHash } = this.content;
      this.#drip(wire, encodeHandshake({ infoHash, peerId: this.newId() }));
    } else if (this.#at === 'blocks') {
      wire.greet(this.newId(), { m: this.extensions });
      wire.say(encodeHaveAll(), encodeUnchoke());
    } else {
      wire.greet(this.newId(), { m: this.extensions });
      wire.say(encodeHaveNone(), encodeInterested());
    }
  }

  protected override script(wire: Wire): Script {
    let dripping = false;
    return {
      onRequest: (piece, begin, length) => {
        this.heldRequests++;
        if (this.#at !== 'blocks' || dripping) return;
        dripping = true;
        wire.say(encodePieceHeader(piece, begin, length));
        this.#drip(wire, this.content.bytes(piece * this.content.info.pieceLength + begin, length));
      },
      onUnchoke: () => {
        if (this.#at !== 'reading') return;
        const { pieceCount } = this.content.info;
        for (let i = 0; i < REQUESTS; i++) wire.say(encodeRequest(i % pieceCount, 0, BLOCK));
        this.heldRequests += REQUESTS;
        wire.link.pauseReading();
        // A little now and then, so that something moves.
        this.every(wire, 10 * SECOND, () => {
          wire.link.resumeReading();
          this.after(1, () => wire.link.pauseReading());
          this.dripped++;
        });
      },
    };
  }

  #drip(wire: Wire, bytes: Uint8Array): void {
    let at = 0;
    this.every(wire, SECOND, () => {
      if (at >= bytes.length) return;
      wire.say(bytes.slice(at, ++at));
      this.dripped++;
    });
  }
}
