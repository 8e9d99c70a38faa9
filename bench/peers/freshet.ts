import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { JsonPeer } from '../../tests/interop/peers/json-peer.ts';
import type { SeedOptions } from '../../tests/interop/peers/types.ts';
import { JsonProgram } from '../../tests/support/process.ts';
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
export class FreshetPeer extends JsonPeer {
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
      return new FreshetPeer(program, Number(answer['port']), `Freshet ${answer['version']}`);
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  async seed(options: SeedOptions): Promise<void> {
    await this.program.request('add', { ...options, dir: options.dataDir });
    await this.program.orEnd(this.finished, 60_000, 'verified its data');
  }
}
