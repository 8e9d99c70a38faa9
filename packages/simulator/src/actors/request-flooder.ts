import { encodeCancel, encodeHaveNone, encodeInterested, encodeRequest } from 'freshet/protocol';
import { type Script, type Wire, WireActor } from './wire.ts';

const BLOCK = 16 * 1024;
/** Milliseconds between two bursts, and messages of each kind in one. */
const INTERVAL = 250;
const BURST = 50;
/** Bytes that may wait in its own line: it floods, and does not drown itself. */
const MOST_QUEUED = 256 * 1024;

/** Asks for the same again and again, asks and cancels at once, and asks for what does not exist. */
export class RequestFlooder extends WireActor {
  duplicates = 0;
  cancelled = 0;
  outOfRange = 0;
  /** Refusals that it was sent. */
  rejects = 0;
  /** Bytes of blocks that it was sent. */
  received = 0;

  protected override begin(wire: Wire): void {
    wire.greet(this.newId(), { m: this.extensions });
    wire.say(encodeHaveNone(), encodeInterested());
    this.every(wire, INTERVAL, () => this.#burst(wire));
  }

  protected override script(): Script {
    return {
      onReject: () => {
        this.rejects++;
      },
      onBlockEnd: (_piece, _begin, length) => {
        this.received += length;
      },
    };
  }

  #burst(wire: Wire): void {
    if (wire.link.queuedBytes > MOST_QUEUED) return;
    const { random } = this.host;
    const { pieceCount, pieceLength } = this.content.info;
    const piece = random.below(pieceCount);
    const messages: Uint8Array[] = [];
    for (let i = 0; i < BURST; i++) {
      messages.push(encodeRequest(piece, 0, BLOCK));
      const other = random.below(pieceCount);
      messages.push(encodeRequest(other, 0, BLOCK), encodeCancel(other, 0, BLOCK));
      messages.push(
        i % 3 === 0
          ? encodeRequest(pieceCount + random.below(1000), 0, BLOCK)
          : i % 3 === 1
            ? encodeRequest(piece, pieceLength, BLOCK)
            : encodeRequest(piece, 0, 100 * 1024 * 1024),
      );
    }
    wire.say(...messages);
    this.duplicates += BURST;
    this.cancelled += BURST;
    this.outOfRange += BURST;
  }
}
