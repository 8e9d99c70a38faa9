import { mkdir } from 'node:fs/promises';
import { removeDir } from '../../support/files.ts';
import { type FixedTracker, startFixedTracker } from '../../support/fixed-tracker.ts';
import type { Program, Usage } from '../../support/process.ts';
import { sleep, waitUntil } from '../../support/wait.ts';
import {
  type DownloadOptions,
  observed,
  type PeerDownload,
  type PeerStatus,
  type SeedOptions,
  type TestPeer,
} from './types.ts';

/** What a program's RPC says of its torrent, by the program's own names. */
export type RpcState = Record<string, unknown>;

/** What a driver has once its program is started. */
export interface RpcProgram {
  readonly program: Program;
  /** The program and its version. */
  readonly name: string;
  /** Where it takes BitTorrent connections. */
  readonly port: number;
  /** URL of its RPC. */
  readonly rpc: string;
  /** Its private files, removed when it is stopped. */
  readonly folder: string;
}

/**
 * A daemon as a peer, driven through its RPC. A daemon takes no peer addresses, so `peers` go through a small tracker
 * of ours; it tells nothing by itself, so it is asked again and again. What to call, and what the answers mean, is up
 * to each driver.
 */
export abstract class RpcPeer implements TestPeer {
  readonly name: string;
  readonly port: number;
  protected readonly program: Program;
  protected readonly rpc: string;
  readonly #folder: string;
  #tracker: FixedTracker | undefined;

  protected constructor({ program, name, port, rpc, folder }: RpcProgram) {
    this.program = program;
    this.name = name;
    this.port = port;
    this.rpc = rpc;
    this.#folder = folder;
  }

  /** Milliseconds between two looks at a download. */
  protected abstract readonly interval: number;
  /** Calls a method that does nothing, to see whether the program answers. */
  protected abstract ping(): Promise<unknown>;
  /** Hands the torrent over and starts it. */
  protected abstract add(options: DownloadOptions): Promise<void>;
  /** The torrent's state; rejects when the program reports a fault. */
  protected abstract tell(): Promise<RpcState>;
  protected abstract isSeeding(state: RpcState): boolean;
  protected abstract isComplete(state: RpcState): boolean;
  protected abstract toStatus(state: RpcState): PeerStatus;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.program.pid;
  }

  async seed(options: SeedOptions): Promise<void> {
    await this.add({ ...options, dir: options.dataDir });
    await waitUntil(
      `${this.program.name} to verify its data`,
      async () => this.isSeeding(await this.tell()),
      { timeout: 60_000 },
    );
  }

  async download(options: DownloadOptions): Promise<PeerDownload> {
    await mkdir(options.dir, { recursive: true });
    await this.add(options);
    const watch = async (): Promise<void> => {
      while (!this.isComplete(await this.tell())) await sleep(this.interval);
    };
    return { completed: observed(this.program.orEnd(watch(), 600_000, 'completed its download')) };
  }

  async status(): Promise<PeerStatus> {
    return this.toStatus(await this.tell());
  }

  usage(): Promise<Usage> {
    return this.program.usage();
  }

  async stop(): Promise<void> {
    await this.program.stop();
    await this.#tracker?.close();
    await removeDir(this.#folder);
  }

  /** Waits for the RPC of a program that was just started; cleans up when it does not answer. */
  protected async answering(): Promise<this> {
    try {
      await this.program.orEnd(
        waitUntil(`${this.program.name} to answer`, () => this.ping(), { timeout: 10_000 }),
        12_000,
        'answered its RPC',
      );
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this;
  }

  /** The trackers to name to the program, one for the given peers among them. */
  protected async trackersFor(
    options: DownloadOptions,
    reachable: (peer: string) => string = (peer) => peer,
  ): Promise<string[]> {
    const trackers = [...(options.trackers ?? [])];
    if (options.peers !== undefined && options.peers.length > 0) {
      this.#tracker = await startFixedTracker(options.peers.map(reachable));
      trackers.push(this.#tracker.url);
    }
    return trackers;
  }
}
