import { encodeHaveAll, encodePieceHeader, encodeUnchoke } from 'freshet/protocol';
import { type Script, type Wire, WireActor } from './wire.ts';

/** A liar without an engine: made-up bytes for every request, and a new name for every connection. */
export class HashStorm extends WireActor {
  /** Names that it has gone by. */
  identities = 0;
  /** Wrong blocks that were sent. */
  lies = 0;

  protected override begin(wire: Wire): void {
    this.identities++;
    wire.greet(this.newId(), { m: this.extensions });
    wire.say(encodeHaveAll(), encodeUnchoke());
  }

  protected override script(wire: Wire): Script {
    return {
      onRequest: (piece, begin, length) => {
        const bytes = new Uint8Array(length).fill(1 + (this.lies & 127));
        this.lies++;
        wire.say(encodePieceHeader(piece, begin, length), bytes);
      },
    };
  }
}
