import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  type DownloadOptions,
  observed,
  type PeerDownload,
  type PeerStatus,
  type SeedOptions,
  type TestPeer,
} from '../../tests/interop/peers/types.ts';
import { JsonProgram, type Usage } from '../../tests/support/process.ts';
import { waitUntil } from '../../tests/support/wait.ts';

const BUILT = fileURLToPath(new URL('../../packages/freshet/dist/index.node.js', import.meta.url));
const SCRIPT = fileURLToPath(new URL('freshet-peer.mjs', import.meta.url));

export interface FreshetOptions {
  readonly transport: 'tcp' | 'webrtc';
  readonly port?: number | undefined;
  /** Options of Node, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[] | undefined;
}

/** Freshet as built, in a process of its own, so that CPU time and memory are its own. */
export class FreshetPeer implements TestPeer {
  readonly name: string;
  readonly port: number;
  readonly #program: JsonProgram;
  readonly #finished: Promise<void>;

  static async start(options: FreshetOptions): Promise<FreshetPeer> {
    await access(BUILT).catch(() => {
      throw new Error('Freshet is not built: npm run build');
    });
    const { nodeOptions = [], ...settings } = options;
    const program = new JsonProgram('Freshet', process.execPath, [
      ...nodeOptions,
      SCRIPT,
      JSON.stringify(settings),
    ]);
    try {
      const answer = await waitUntil(
        'Freshet to listen',
        async () => {
          const listening = await program.request('listening', {}, 10_000);
          return listening['listening'] === true && listening;
        },
        { timeout: 15_000, interval: 10 },
      );
      return new FreshetPeer(program, Number(answer['port']), String(answer['version']));
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  private constructor(program: JsonProgram, port: number, version: string) {
    this.#program = program;
    this.port = port;
    this.name = `Freshet ${version}`;
    this.#finished = observed(
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
    return this.#program.pid;
  }

  async seed(options: SeedOptions): Promise<void> {
    await this.#program.request('add', { ...options, dir: options.dataDir });
    await this.#program.orEnd(this.#finished, 60_000, 'verified its data');
  }

  async download(options: DownloadOptions): Promise<PeerDownload> {
    await this.#program.request('add', options);
    return { completed: this.#finished };
  }

  async status(): Promise<PeerStatus> {
    const answer = await this.#program.request('status');
    return {
      progress: Number(answer['progress']),
      downloaded: Number(answer['downloaded']),
      uploaded: Number(answer['uploaded']),
      peers: Number(answer['peers']),
    };
  }

  usage(): Promise<Usage> {
    return this.#program.usage();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}
