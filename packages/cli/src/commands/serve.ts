/** `freshet serve`: a tracker, a seeder, a web seed and a page, in one process and on one HTTP port. */

import { fileURLToPath } from 'node:url';
import Client from 'freshet';
import { createTracker } from 'freshet-tracker';
import { clientFailure, closeClient, isLoopback, openClient } from '../client.ts';
import { CliError, ExitCode, systemCode } from '../exit.ts';
import { catchInterrupts } from '../interrupt.ts';
import { seedOptionsOf } from '../make.ts';
import type { SharedTorrent } from '../serve/catalogue.ts';
import { bracketed, isWildcard, ownTrackers, pathsToServe, seedPaths } from '../serve/seeds.ts';
import { createSite, type SiteServer } from '../serve/site-server.ts';
import { TrafficMeter } from '../serve/traffic.ts';
import { type SiteNumbers, siteEvent, siteLines, siteStats, siteText } from '../serve/view.ts';
import { WebSeed } from '../serve/web-seed.ts';
import type { TorrentFormat } from '../ui/description.ts';
import { formatBytes } from '../ui/format.ts';
import { Output } from '../ui/output.ts';
import { printable } from '../ui/text.ts';

const DEFAULT_PORT = 8080;
/** Ports after the default one that are tried when it is taken. */
const NEXT_PORTS = 20;

const PAGE_FOLDER = fileURLToPath(new URL('../site/', import.meta.url));

export interface ServeOptions {
  readonly port?: number | undefined;
  readonly host: string;
  /** commander's form of `--no-web-seed`. */
  readonly webSeed?: boolean | undefined;
  readonly webrtc?: boolean | undefined;
  readonly limitUp?: number | undefined;
  readonly format?: TorrentFormat | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function serve(paths: readonly string[], options: ServeOptions): Promise<number> {
  const interrupt = catchInterrupts();
  const output = new Output(options);
  interrupt.onExit(() => output.close());
  const site = new Site(options, output);
  try {
    const served = await pathsToServe(paths);
    await Promise.race([site.start(served), interrupt.fired]);
    if (interrupt.exitCode === undefined) await Promise.race([site.run(), interrupt.fired]);
    output.settle();
    output.close();
    output.event({ event: 'stopped' });
    output.say('Stopped.');
    return ExitCode.ok;
  } finally {
    output.close();
    await site.close();
    interrupt.close();
  }
}

class Site {
  readonly #options: ServeOptions;
  readonly #output: Output;
  readonly #tracker = createTracker({ onError: (error) => this.#output.warn(error) });
  readonly #webSeed: WebSeed | undefined;
  readonly #torrents: SharedTorrent[] = [];
  readonly #traffic = new TrafficMeter();
  readonly #server: SiteServer;
  #client: Client | undefined;
  #failed: Promise<never> | undefined;
  #port = 0;

  constructor(options: ServeOptions, output: Output) {
    this.#options = options;
    this.#output = output;
    this.#webSeed =
      options.webSeed === false
        ? undefined
        : new WebSeed({
            onChanged: ({ source }) =>
              output.warn(
                `${source} has changed since it was hashed, so the web seed serves it no more; start again to share it as it is now.`,
              ),
          });
    this.#server = createSite({
      pageFolder: PAGE_FOLDER,
      tracker: this.#tracker,
      webSeed: this.#webSeed,
      version: Client.VERSION,
      iceServers: isLoopback(options.host) ? [] : undefined,
      torrents: this.#torrents,
      stats: () => siteStats(this.#numbers()),
    });
  }

  /** Resolves when everything is hashed and the page can be opened. */
  async start(paths: readonly string[]): Promise<void> {
    const { host, webrtc, limitUp, format } = this.#options;
    this.#port = await this.#listen();
    const client = openClient(
      { host: isWildcard(host) ? undefined : host, webrtc, limitUp },
      // Viewers take from each other first, and from here what nobody else has.
      { origin: true },
    );
    this.#client = client;
    this.#failed = clientFailure(client);
    const options = { ...seedOptionsOf({ format }), announce: ownTrackers(host, this.#port) };
    const seeding = seedPaths(client, paths, options, this.#output, (shared) => {
      this.#torrents.push(shared);
      this.#traffic.add(shared.torrent);
      this.#webSeed?.add(shared);
    });
    await Promise.race([seeding, this.#failed]);
  }

  /** Tells where it is and shows what goes on; rejects when it cannot go on. */
  async run(): Promise<void> {
    const output = this.#output;
    const { host } = this.#options;
    const url = `http://${isLoopback(host) || isWildcard(host) ? 'localhost' : bracketed(host)}:${this.#port}/`;
    for (const { torrent, name } of this.#torrents) {
      output.say(`Seeding ${printable(name)}, ${formatBytes(torrent.length)}`);
    }
    output.event({
      event: 'ready',
      url,
      port: this.#port,
      torrents: this.#torrents.map(({ infoHash, name, torrent }) => ({
        infoHash,
        name,
        length: torrent.length,
      })),
    });
    output.result(`Open ${output.theme.bold(url)}`);
    output.show({
      lines: (_size, theme) => siteLines(this.#numbers(), theme),
      text: () => siteText(this.#numbers()),
      json: () => siteEvent(this.#numbers()),
    });
    await this.#failed;
  }

  async close(): Promise<void> {
    // The seeder first: it says goodbye to the tracker.
    await closeClient(this.#client);
    await this.#tracker.close();
    await this.#server.close();
  }

  #numbers(): SiteNumbers {
    return {
      traffic: this.#traffic.read(),
      webSeed: this.#webSeed?.counters,
      tracker: this.#tracker.stats(),
    };
  }

  async #listen(): Promise<number> {
    const { host, port } = this.#options;
    const first = port ?? DEFAULT_PORT;
    const last = port === undefined ? DEFAULT_PORT + NEXT_PORTS : first;
    for (let attempt = first; ; attempt++) {
      try {
        const actual = await this.#server.listen(attempt, host);
        if (actual !== first && first !== 0) {
          this.#output.say(`Port ${first} is in use by another program, so this is on port ${actual}.`);
        }
        return actual;
      } catch (error) {
        if (systemCode(error) === 'EADDRINUSE' && attempt < last) continue;
        throw listenError(attempt, host, error);
      }
    }
  }
}

function listenError(port: number, host: string, error: unknown): CliError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} is in use by another program; choose another with --port, or 0 for any free one.`,
    EACCES: `Port ${port} may not be used by this user; choose one above 1023 with --port.`,
    EADDRNOTAVAIL: `This machine does not have the address ${host}; choose another with --host.`,
    ENOTFOUND: `The host name ${host} is not known; choose another with --host.`,
  };
  const sentence = why[systemCode(error)] ?? `Port ${port} cannot be listened on: ${String(error)}.`;
  return new CliError(ExitCode.failure, sentence, { cause: error });
}
