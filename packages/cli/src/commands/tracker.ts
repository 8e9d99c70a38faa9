/** `freshet tracker`: introduces peers to each other. */

import { createTracker, TrackerError, type TrackerStats } from 'freshet-tracker';
import { CliError, ExitCode } from '../exit.ts';
import { catchInterrupts } from '../interrupt.ts';
import { count, formatDuration } from '../ui/format.ts';
import type { CliEvent } from '../ui/json.ts';
import { Output } from '../ui/output.ts';

export interface TrackerCommandOptions {
  readonly port: number;
  readonly host?: string | undefined;
  readonly interval: number;
  readonly http?: boolean | undefined;
  readonly ws?: boolean | undefined;
  readonly trustProxy?: readonly string[] | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function tracker(options: TrackerCommandOptions): Promise<number> {
  const interrupt = catchInterrupts();
  const output = new Output(options);
  interrupt.onExit(() => output.close());
  const server = createTracker({
    port: options.port,
    host: options.host,
    interval: options.interval,
    http: options.http,
    ws: options.ws,
    trustProxy: options.trustProxy === undefined ? undefined : [...options.trustProxy],
    onError: (error) => output.warn(error),
  });
  try {
    const { port, httpUrl, wsUrl } = await server.listen().catch((error: unknown) => {
      if (error instanceof TrackerError)
        throw new CliError(ExitCode.failure, error.message, { cause: error });
      throw error;
    });
    output.event({ event: 'listening', port, httpUrl, wsUrl });
    if (options.ws !== false) output.result(`Browsers:        ${wsUrl}`);
    if (options.http !== false) output.result(`Classic clients: ${httpUrl}`);
    output.say(`Statistics:      ${httpUrl.replace(/announce$/, 'stats')}`);
    const rates = new RateOf(() => server.stats().totals.announces);
    output.show({
      lines: (_size, theme) => ['', ...trackerLines(server.stats(), rates.perSecond()).map(theme.dim)],
      text: () => trackerLines(server.stats(), rates.perSecond()).slice(0, 1).join(''),
      json: () => trackerEvent(server.stats()),
    });
    await interrupt.fired;
    output.close();
    output.event({ event: 'stopped' });
    output.say('Stopped.');
    return ExitCode.ok;
  } finally {
    output.close();
    await server.close();
    interrupt.close();
  }
}

export function trackerLines(stats: TrackerStats, announcesPerSecond: number): string[] {
  const { webrtc, address, totals } = stats;
  return [
    `${count(stats.swarms, 'swarm')}, ${count(stats.peers, 'peer')} (${count(stats.seeds, 'seed')}): ${webrtc.peers} WebRTC, ${address.peers} TCP`,
    `${count(stats.connections, 'connection')}, ${announcesPerSecond.toFixed(1)} announces/s, ${totals.offers} offers and ${totals.answers} answers relayed, ${totals.failures} refused`,
    `up for ${formatDuration(Math.floor(stats.uptime))}`,
  ];
}

export function trackerEvent(stats: TrackerStats): CliEvent {
  const { swarms, peers, seeds, connections, uptime, webrtc, address, totals } = stats;
  return {
    event: 'stats',
    swarms,
    peers,
    seeds,
    connections,
    uptime: Math.floor(uptime),
    webrtc: { ...webrtc },
    address: { ...address },
    totals: { ...totals },
  };
}

/** How fast a counter grows, over the last seconds. */
export class RateOf {
  readonly #count: () => number;
  readonly #now: () => number;
  #samples: { at: number; value: number }[];

  constructor(count: () => number, now: () => number = () => performance.now()) {
    this.#count = count;
    this.#now = now;
    this.#samples = [{ at: now(), value: count() }];
  }

  perSecond(): number {
    const at = this.#now();
    const value = this.#count();
    this.#samples.push({ at, value });
    while (this.#samples.length > 2 && at - this.#samples[1]!.at > 3_000) this.#samples.shift();
    const first = this.#samples[0]!;
    // Below a tenth of a second one event would look like many.
    return (value - first.value) / Math.max(0.1, (at - first.at) / 1000);
  }
}
