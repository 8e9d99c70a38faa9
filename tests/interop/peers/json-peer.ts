import type { JsonProgram, Usage } from '../../support/process.ts';
import { waitUntil } from '../../support/wait.ts';
import {
  type DownloadOptions,
  observed,
  type PeerDownload,
  type PeerStatus,
  type SeedOptions,
  type TestPeer,
} from './types.ts';

/** What a program says once it listens. */
export interface Listening {
  readonly port: number;
  readonly version: string;
}

/** Waits until a program that was just started listens; stops it when it does not. */
export async function listening(program: JsonProgram, patience: number): Promise<Listening> {
  try {
    const answer = await waitUntil(
      `${program.name} to listen`,
      async () => {
        const told = await program.request('listening', {}, patience);
        return Number(told['port']) > 0 && told;
      },
      { timeout: 15_000 },
    );
    return { port: Number(answer['port']), version: String(answer['version']) };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/**
 * A library as a peer, driven by a script of ours that speaks JSON lines: `add`, `status`, and the events `finished`
 * and `fault`. How the library is started and how it seeds is up to each driver.
 */
export abstract class JsonPeer implements TestPeer {
  readonly name: string;
  readonly port: number;
  protected readonly program: JsonProgram;
  /** Everything is verified. Rejects when the program ends or reports a fault before that. */
  protected readonly finished: Promise<void>;

  protected constructor(program: JsonProgram, port: number, name: string) {
    this.program = program;
    this.port = port;
    this.name = name;
    this.finished = observed(
      new Promise((resolve, reject) => {
        program.onEvent((event) => {
          if (event['event'] === 'finished') resolve();
          if (event['event'] === 'fault') reject(program.error(String(event['message'])));
        });
        void program.exited.then((code) => reject(program.error(`ended (${code})`)));
      }),
    );
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.program.pid;
  }

  abstract seed(options: SeedOptions): Promise<void>;

  async download(options: DownloadOptions): Promise<PeerDownload> {
    await this.program.request('add', options);
    return { completed: this.finished };
  }

  async status(): Promise<PeerStatus> {
    const answer = await this.program.request('status');
    return {
      progress: Number(answer['progress']),
      downloaded: Number(answer['downloaded']),
      uploaded: Number(answer['uploaded']),
      peers: Number(answer['peers']),
    };
  }

  usage(): Promise<Usage> {
    return this.program.usage();
  }

  /** Kills the program as a crash would. */
  kill(): Promise<void> {
    return this.program.kill();
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }
}
