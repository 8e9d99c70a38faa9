/**
 * What the network costs by itself, without engines: each host asks five others for one block after the other, five at a
 * time. By hand, from the repository's folder:
 * `npx esbuild packages/simulator/src/bench/network-load.ts --bundle --platform=node --format=esm --conditions=source | node --input-type=module - 1000`
 */

import type { Link } from 'freshet/engine';
import { SeededRandom, VirtualClock } from 'freshet/memory';
import { SimNetwork } from '../network/sim-network.ts';
import { Trace } from '../trace.ts';

const REQUEST = new Uint8Array(17);
const HEADER = new Uint8Array(13);
const BLOCK = new Uint8Array(16_384);
const PARTNERS = 5;
const AT_A_TIME = 5;

export interface NetworkLoad {
  /** Blocks and requests that were delivered. */
  readonly messages: number;
  readonly events: number;
  readonly cpuSeconds: number;
}

/** Lets the hosts talk for so many seconds of virtual time, after three in which the connections warm up. */
export function measureNetwork(hosts: number, seconds: number): NetworkLoad {
  const clock = new VirtualClock();
  const random = (purpose: string): SeededRandom => new SeededRandom(purpose.length);
  const network = new SimNetwork({ clock, random, trace: new Trace() });
  let messages = 0;
  for (let i = 0; i < hosts; i++) {
    network.setHost(`h${i}`, { up: 625_000, down: 2_500_000, latencyMs: 15 + (i % 11) });
    void network.listener(`h${i}`).listen(1, (link) => answer(link, () => messages++));
  }
  for (let i = 0; i < hosts; i++) {
    for (let n = 1; n <= PARTNERS; n++) {
      network.dialer(`h${i}`).dial(
        { host: `h${(i + 37 * n) % hosts}`, port: 1 },
        {
          onLink: (link) => ask(link, () => messages++),
          onError: (error) => {
            throw error;
          },
        },
      );
    }
  }
  clock.advance(3000);
  messages = 0;
  let events = 0;
  const before = process.cpuUsage();
  const end = clock.now() + seconds * 1000;
  while (clock.step(end)) events++;
  const { user, system } = process.cpuUsage(before);
  return { messages, events, cpuSeconds: (user + system) / 1e6 };
}

function answer(link: Link, count: () => void): void {
  let asked = 0;
  link.attach({
    onData: (chunk) => {
      asked += chunk.length;
      for (; asked >= REQUEST.length; asked -= REQUEST.length) {
        count();
        link.send([HEADER, BLOCK]);
      }
    },
    onDrain: () => {},
    onClose: () => {},
  });
}

function ask(link: Link, count: () => void): void {
  const length = HEADER.length + BLOCK.length;
  let got = 0;
  link.attach({
    onData: (chunk) => {
      got += chunk.length;
      for (; got >= length; got -= length) {
        count();
        link.send([REQUEST]);
      }
    },
    onDrain: () => {},
    onClose: () => {},
  });
  for (let i = 0; i < AT_A_TIME; i++) link.send([REQUEST]);
}

const wanted = Number(process.argv[2]);
if (wanted > 0) {
  for (let round = 0; round < 3; round++) {
    const { messages, events, cpuSeconds } = measureNetwork(wanted, 10);
    console.log(
      `${Math.round(messages / cpuSeconds)} messages per CPU second: ${messages} in ${events} events and ${cpuSeconds.toFixed(2)} s`,
    );
  }
}
