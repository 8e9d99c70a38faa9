import {
  Bitfield,
  EXTENSION_ID,
  encodeBitfield,
  encodeDontHave,
  encodeExtended,
  encodeHave,
  encodeReject,
  encodeUnchoke,
} from 'freshet/protocol';
import { type Script, type Wire, WireActor } from './wire.ts';

/** Milliseconds between two changes of mind, and for which one connection lasts. */
const CHANGE = 500;
const VISIT = 15_000;
/** Pieces told of and taken back with each change. */
const CHANGES = 3;

/** Has nothing, claims other pieces with each connection, announces more of them, and takes them back again (BEP 54). */
export class HaveLiar extends WireActor {
  /** Pieces that it claimed to have. */
  claims = 0;
  takenBack = 0;
  /** Requests that it refused. */
  rejected = 0;

  protected override begin(wire: Wire): void {
    const { pieceCount } = this.content.info;
    const { random } = this.host;
    const claimed = new Bitfield(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) if (random.below(2) === 0) claimed.set(piece);
    this.claims += claimed.count;
    wire.greet(this.newId(), { m: this.extensions });
    wire.say(encodeBitfield(claimed.toBytes()), encodeUnchoke());
    this.every(wire, CHANGE, () => {
      for (let i = 0; i < CHANGES; i++) {
        wire.say(encodeHave(random.below(pieceCount)));
        this.claims++;
        const lost = encodeDontHave(random.below(pieceCount));
        wire.say(encodeExtended(EXTENSION_ID.lt_donthave, lost));
        this.takenBack++;
      }
    });
    this.after(VISIT, () => wire.close());
  }

  protected override script(wire: Wire): Script {
    return {
      onRequest: (piece, begin, length) => {
        this.rejected++;
        wire.say(encodeReject(piece, begin, length));
      },
    };
  }
}
