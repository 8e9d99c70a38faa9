import type { Link } from '../src/engine/ports.ts';
import {
  encodeHandshake,
  encodePieceHeader,
  type PeerId,
  peerIdFromBytes,
  WireDecoder,
  type WireHandler,
} from '../src/protocol/index.ts';
import { type Member, type MemberOptions, MemorySwarm, type SampleTorrent } from './memory-swarm.ts';

/** A peer id that consists of one byte. */
export function idOf(n: number): PeerId {
  return peerIdFromBytes(new Uint8Array(20).fill(n))!;
}

/** A peer that says what the test tells it to, and writes down what it hears. */
export class ScriptedPeer {
  readonly heard: string[] = [];
  readonly #link: Link;
  readonly #sample: SampleTorrent;
  closed = false;
  /** Called for each request that it hears. */
  onRequest: (piece: number, begin: number, length: number) => void = () => {};

  constructor(link: Link, sample: SampleTorrent) {
    this.#link = link;
    this.#sample = sample;
    const note =
      (name: string) =>
      (...args: unknown[]): void =>
        void this.heard.push([name, ...args.filter((arg) => typeof arg === 'number')].join(' '));
    const handler: WireHandler = {
      onHandshake: note('handshake'),
      onKeepAlive: note('keep-alive'),
      onChoke: note('choke'),
      onUnchoke: note('unchoke'),
      onInterested: note('interested'),
      onNotInterested: note('not interested'),
      onHave: note('have'),
      onBitfield: note('bitfield'),
      onRequest: (piece, begin, length) => {
        note('request')(piece, begin, length);
        this.onRequest(piece, begin, length);
      },
      onCancel: note('cancel'),
      onReject: note('reject'),
      onHaveAll: note('have all'),
      onHaveNone: note('have none'),
      onSuggest: note('suggest'),
      onAllowedFast: note('allowed fast'),
      onPort: note('port'),
      onExtended: note('extended'),
      onUnknown: note('unknown'),
      onBlockStart: () => undefined,
      onBlockEnd: note('piece'),
      onProtocolError: note('error'),
    };
    const decoder = new WireDecoder(handler);
    link.attach({
      onData: (chunk) => decoder.push(chunk),
      onDrain: () => {},
      onClose: () => {
        this.closed = true;
      },
    });
  }

  say(...messages: Uint8Array[]): void {
    this.#link.send(messages);
  }

  /** The payload of a block, right or made up. */
  block(piece: number, begin: number, length: number): void {
    const at = piece * this.#sample.info.pieceLength + begin;
    this.say(encodePieceHeader(piece, begin, length), this.#sample.content.slice(at, at + length));
  }

  close(): void {
    this.closed = true;
    this.#link.close();
  }

  count(word: string): number {
    return this.heard.filter((line) => line.startsWith(word)).length;
  }
}

/** Connects a script to a member, which believes that a peer has dialled it. */
export function meet(swarm: MemorySwarm, member: Member, n: number): Promise<ScriptedPeer> {
  const dialer = swarm.network.dialer(`10.1.0.${n}`);
  return new Promise((resolve, reject) => {
    dialer.dial(
      { host: member.host, port: 6881 },
      { onLink: (link) => resolve(new ScriptedPeer(link, swarm.sample)), onError: reject },
    );
  });
}

/** A member alone with a script that has said hello. */
export async function scripted(
  sample: SampleTorrent,
  options: {
    readonly seed?: boolean;
    readonly fast?: boolean;
    readonly n?: number;
    readonly member?: MemberOptions;
  } = {},
): Promise<{ swarm: MemorySwarm; member: Member; script: ScriptedPeer }> {
  const swarm = new MemorySwarm(sample);
  const member = await swarm.add({ seed: options.seed ?? false, ...options.member });
  const n = options.n ?? 9;
  const meeting = meet(swarm, member, n);
  await swarm.clock.advanceAsync(100);
  const script = await meeting;
  script.say(
    encodeHandshake({ infoHash: sample.infoHash, peerId: idOf(n), reserved: { fast: options.fast ?? true } }),
  );
  await swarm.clock.advanceAsync(100);
  return { swarm, member, script };
}
