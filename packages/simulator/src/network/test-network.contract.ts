/** What the tests of the network share. */

import type { Link, LinkHandler, RtcHandler } from 'freshet/engine';
import { SeededRandom, VirtualClock } from 'freshet/memory';
import { Trace } from '../trace.ts';
import { SimNetwork, type SimNetworkOptions } from './sim-network.ts';

export interface TestNetwork {
  readonly clock: VirtualClock;
  readonly network: SimNetwork;
  readonly trace: Trace;
}

export function testNetwork(seed = 1, options: Partial<SimNetworkOptions> = {}): TestNetwork {
  const clock = new VirtualClock();
  const trace = new Trace();
  const random = (purpose: string): SeededRandom => new SeededRandom(seed * 1000 + purpose.length);
  return { clock, trace, network: new SimNetwork({ clock, random, trace, ...options }) };
}

/** Counts what a link delivers, and when. */
export class Sink implements LinkHandler {
  length = 0;
  drains = 0;
  /** When each chunk came, and the bytes up to it. */
  readonly times: number[] = [];
  readonly totals: number[] = [];
  ends: (Error | undefined)[] = [];
  endedAt = 0;
  onDrained: (() => void) | undefined;
  onChunk: ((chunk: Uint8Array) => void) | undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  onData(chunk: Uint8Array): void {
    this.length += chunk.length;
    this.times.push(this.#clock.now());
    this.totals.push(this.length);
    this.onChunk?.(chunk);
  }

  onDrain(): void {
    this.drains++;
    this.onDrained?.();
  }

  onClose(error: Error | undefined): void {
    this.ends.push(error);
    this.endedAt = this.#clock.now();
  }
}

/** A TCP connection between two hosts that are set already; time passes until it is open. */
export function dial(
  { clock, network }: TestNetwork,
  from: string,
  to: string,
  port = 6881,
): { a: Link; b: Link } {
  const links: { a?: Link; b?: Link } = {};
  const listener = network.listener(to);
  void listener.listen(port, (link) => {
    links.b = link;
  });
  const handler = {
    onLink: (link: Link): void => {
      links.a = link;
    },
    onError: (error: Error): void => {
      throw error;
    },
  };
  network.dialer(from).dial({ host: to, port }, handler);
  for (let i = 0; i < 1000 && links.a === undefined; i++) clock.advance(1);
  void listener.close();
  return { a: links.a!, b: links.b! };
}

/** Sends without end, as far as the link takes it. */
export function saturate(link: Link, sink: Sink): void {
  const block = new Uint8Array(16_384 + 13);
  const fill = (): void => {
    while (link.queuedBytes <= link.highWater) link.send([block]);
  };
  sink.onDrained = fill;
  link.attach(sink);
  fill();
}

/** What happens to one side of a WebRTC connection in the making. */
export interface RtcSide extends RtcHandler {
  sdp: string | undefined;
  link: Link | undefined;
  error: Error | undefined;
}

export function rtcSide(): RtcSide {
  const side: RtcSide = {
    sdp: undefined,
    link: undefined,
    error: undefined,
    onDescription: (sdp) => {
      side.sdp = sdp;
    },
    onLink: (link) => {
      side.link = link;
    },
    onError: (error) => {
      side.error = error;
    },
  };
  return side;
}

/** Lets two hosts exchange descriptions at once, as soon as they have them. */
export function meet({ clock, network }: TestNetwork, from: string, to: string): { a: RtcSide; b: RtcSide } {
  const a = rtcSide();
  const b = rtcSide();
  const offer = network.rtc(from).offer(a);
  while (a.sdp === undefined) clock.advance(1);
  network.rtc(to).answer(a.sdp, b);
  while (b.sdp === undefined) clock.advance(1);
  offer.accept(b.sdp);
  return { a, b };
}
