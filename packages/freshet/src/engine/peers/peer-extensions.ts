import {
  decodeExtendedHandshake,
  EXTENSION_ID,
  type ExtendedHandshake,
  type ExtensionName,
} from '../../protocol/index.ts';

/**
 * Name under which a site's own seeder marks itself in the extended handshake (ours, no BEP): its bytes cost the
 * site money, so viewers take from each other first and from it what they cannot get in time.
 */
export const ORIGIN_EXTENSION = 'fr_origin';

/** Names that are kept of what a peer speaks: it may send any number of them. */
const KNOWN: readonly string[] = [...Object.keys(EXTENSION_ID), ORIGIN_EXTENSION];

/** What a peer has said of itself in its extended handshakes (BEP 10): the first is whole, later ones change it. */
export class PeerExtensions {
  readonly #ids = new Map<string, number>();
  /** Client name and version. */
  client: string | undefined;
  /** Requests that it queues. */
  reqq: number | undefined;
  /** Bytes of the info dictionary that it has (BEP 9). */
  metadataSize: number | undefined;
  /** Our address as it sees it. */
  yourip: string | undefined;
  /** It downloads nothing (BEP 21). */
  uploadOnly = false;

  /** The peer's id for an extension; `undefined` when it does not speak it. */
  id(name: ExtensionName): number | undefined {
    return this.#ids.get(name);
  }

  /** It is the seeder of whoever offers the torrent. */
  get isOrigin(): boolean {
    return this.#ids.has(ORIGIN_EXTENSION);
  }

  /** Returns what the payload says, or `undefined` when it is no handshake; then nothing changes. */
  update(payload: Uint8Array): ExtendedHandshake | undefined {
    const handshake = decodeExtendedHandshake(payload);
    if (handshake === undefined) return undefined;
    for (const name of KNOWN) {
      const id = handshake.m[name];
      if (id === undefined) continue;
      // 0 switches it off again.
      if (id === 0) this.#ids.delete(name);
      else this.#ids.set(name, id);
    }
    this.client = handshake.v ?? this.client;
    this.reqq = handshake.reqq ?? this.reqq;
    this.metadataSize = handshake.metadataSize ?? this.metadataSize;
    this.yourip = handshake.yourip ?? this.yourip;
    this.uploadOnly = handshake.uploadOnly ?? this.uploadOnly;
    return handshake;
  }
}
