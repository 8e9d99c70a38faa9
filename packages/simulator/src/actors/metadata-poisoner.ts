import {
  decodeMetadataMessage,
  EXTENSION_ID,
  encodeExtended,
  encodeHaveAll,
  encodeMetadataMessage,
  METADATA_PIECE_LENGTH,
} from 'freshet/protocol';
import type { World } from '../world.ts';
import { type ActorOptions, type Script, type Wire, WireActor } from './wire.ts';

export interface MetadataPoisonerOptions extends ActorOptions {
  /**
   * `bytes`: wrong ones, of the right size. `size`: names another size, a smaller one, and has made-up bytes of it. `huge`: names the
   * largest size that is believed. `silent`: the right size, and no answer.
   */
  readonly lie: 'bytes' | 'size' | 'huge' | 'silent';
}

const HUGE = 128 * 1024 * 1024;

/** Has metadata for everybody who lacks them (BEP 9), and none of it is right. */
export class MetadataPoisoner extends WireActor {
  /** Requests for metadata that it heard. */
  asked = 0;
  /** Wrong pieces of metadata that it sent. */
  poisoned = 0;
  readonly size: number;
  readonly #silent: boolean;

  constructor(world: World, options: MetadataPoisonerOptions) {
    super(world, options);
    const right = options.content.infoBytes.length;
    const { lie } = options;
    this.size = lie === 'huge' ? HUGE : lie === 'size' ? 1 + this.host.random.below(right - 1) : right;
    this.#silent = lie === 'silent';
  }

  protected override begin(wire: Wire): void {
    wire.greet(this.newId(), { m: this.extensions, metadataSize: this.size });
    wire.say(encodeHaveAll());
  }

  protected override script(wire: Wire): Script {
    return {
      onExtended: (id, payload) => {
        if (id !== EXTENSION_ID.ut_metadata) return;
        const message = decodeMetadataMessage(payload);
        if (message?.type !== 'request') return;
        this.asked++;
        if (this.#silent) return;
        const { piece } = message;
        const data = new Uint8Array(
          Math.min(METADATA_PIECE_LENGTH, this.size - piece * METADATA_PIECE_LENGTH),
        );
        this.host.random.fill(data);
        this.poisoned++;
        const answer = encodeMetadataMessage({ type: 'data', piece, totalSize: this.size, data });
        wire.say(encodeExtended(EXTENSION_ID.ut_metadata, answer));
      },
    };
  }
}
