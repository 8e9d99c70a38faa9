/** Machines with lines of their own on this one: a network namespace each, and a router between them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LineOptions } from 'freshet-simulator';
import { within } from '../../tests/support/wait.ts';

/** A machine and its line. Rates in bytes per second, the latency to the middle of the network in milliseconds. */
export interface Machine {
  /** IPv4, in 10.0.0.0/8. */
  readonly address: string;
  readonly up: number;
  readonly down: number;
  readonly latencyMs: number;
  /** Bytes that wait in that direction before packets are dropped. */
  readonly upQueue: number;
  readonly downQueue: number;
  /** Packets of its flows take turns, in both directions; else first come, first served. */
  readonly fair: boolean;
}

export interface LineTotals {
  readonly sent: number;
  /** Of those sent. */
  readonly packets: number;
  readonly received: number;
  /** Packets. */
  readonly dropped: number;
}

export interface Lines {
  /** Starts a program of Node on the machine; the caller ends it. */
  node(machine: number, args: readonly string[]): ChildProcess;
  /** Takes the network down; returns what each line has carried, headers included. */
  close(): Promise<LineTotals[]>;
}

/** What routers at home and at providers hold, as in the simulator: 200 ms of the line, at least 64 KiB. */
const QUEUE_MS = 200;
const MIN_QUEUE = 65_536;
/** Bytes per second of a line without a limit. */
const UNLIMITED = 125_000_000;

/** A machine with the line of a simulated one; the default of the latency is the simulator's. */
export function machineOf(address: string, line: LineOptions, fair: boolean): Machine {
  const { up = UNLIMITED, down = UNLIMITED, latencyMs = 10 } = line;
  const queueOf = (rate: number): number => Math.max(MIN_QUEUE, (rate * QUEUE_MS) / 1000);
  return { address, up, down, latencyMs, upQueue: queueOf(up), downQueue: queueOf(down), fair };
}

const ROUTER = fileURLToPath(new URL('./router.py', import.meta.url));

/** @throws an error that says what is missing: it takes root, Linux, /dev/net/tun, iproute2 and Python 3. */
export async function startLines(machines: readonly Machine[]): Promise<Lines> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('Slow lines between network namespaces need Linux and root: run this as root.');
  }
  await access('/dev/net/tun', constants.R_OK | constants.W_OK).catch(() => {
    throw new Error('Slow lines need /dev/net/tun: load the kernel module tun.');
  });
  const holders = machines.map(() => spawn('unshare', ['--net', 'sleep', '86400'], { stdio: 'ignore' }));
  const router = spawn('python3', [ROUTER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const printed = createInterface({ input: router.stdout });
  const said: string[] = [];
  printed.on('line', (line) => said.push(line));
  const end = (): void => {
    for (const holder of holders) holder.kill('SIGKILL');
    router.kill('SIGKILL');
  };
  try {
    await Promise.all(holders.map((holder) => once(holder, 'spawn')));
    // `spawn` is told before unshare has made the namespace: until then it is still in ours.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const hosts = machines.map((machine, i) => ({
      pid: holders[i]!.pid,
      address: machine.address,
      up: machine.up,
      down: machine.down,
      latency: machine.latencyMs,
      up_queue: machine.upQueue,
      down_queue: machine.downQueue,
      fair: machine.fair,
    }));
    router.stdin.write(`${JSON.stringify(hosts)}\n`);
    const ready = Promise.race([once(printed, 'line'), once(router, 'exit').then(() => undefined)]);
    if ((await within(ready, 10_000, 'the router'))?.[0] !== 'ready') {
      throw new Error('The router of the slow lines did not start; it says why above.');
    }
  } catch (error) {
    end();
    throw error;
  }
  let totals: Promise<LineTotals[]> | undefined;
  return {
    node: (machine, args) =>
      spawn('nsenter', ['--target', String(holders[machine]!.pid), '--net', process.execPath, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    close: () => {
      totals ??= (async () => {
        const ended = once(router, 'exit');
        router.stdin.end();
        await within(ended, 5_000, 'the end of the router').catch(() => {});
        end();
        return JSON.parse(said.at(-1) ?? '[]') as LineTotals[];
      })();
      return totals;
    },
  };
}
