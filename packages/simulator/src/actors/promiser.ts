import { encodeAllowedFast, encodeHaveAll, encodeKeepAlive, encodeUnchoke } from 'freshet/protocol';
import { type Script, type Wire, WireActor } from './wire.ts';

/** Milliseconds between two signs of life. */
const KEEP_ALIVE = 60_000;

/** Has everything, unchokes everybody, takes each request, and never sends a byte. */
export class Promiser extends WireActor {
  /** Requests that it left unanswered. */
  unanswered = 0;

  protected override begin(wire: Wire): void {
    wire.greet(this.newId(), { m: this.extensions, reqq: 2000 });
    wire.say(encodeHaveAll(), encodeUnchoke());
    for (let piece = 0; piece < Math.min(10, this.content.info.pieceCount); piece++) {
      wire.say(encodeAllowedFast(piece));
    }
    this.every(wire, KEEP_ALIVE, () => wire.say(encodeKeepAlive()));
  }

  protected override script(): Script {
    return {
      onRequest: () => {
        this.unanswered++;
      },
    };
  }
}
