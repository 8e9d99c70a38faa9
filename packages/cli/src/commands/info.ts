/** `freshet info`: what a torrent holds. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Client from 'freshet';
import { clientFailure, closeClient, type NetworkOptions, openClient } from '../client.ts';
import { CliError, ExitCode } from '../exit.ts';
import { catchInterrupts } from '../interrupt.ts';
import { readInput, type TorrentInput } from '../source.ts';
import { type Description, describeFetched, describeInput, descriptionText } from '../ui/description.ts';
import { formatDuration } from '../ui/format.ts';
import { Output } from '../ui/output.ts';

export interface InfoOptions extends NetworkOptions {
  readonly fetch?: boolean | undefined;
  readonly tracker?: readonly string[] | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function info(source: string, options: InfoOptions): Promise<number> {
  const interrupt = catchInterrupts();
  try {
    const input = await readInput(source, interrupt.signal);
    let description = describeInput(input);
    if (options.fetch === true && input.kind !== 'metainfo') {
      const fetched = await Promise.race([fetchMetadata(input, options, interrupt.signal), interrupt.fired]);
      if (typeof fetched === 'number') return fetched;
      description = fetched;
    }
    const text =
      options.json === true
        ? JSON.stringify(description)
        : descriptionText(description, new Output({}).theme).join('\n');
    process.stdout.write(`${text}\n`);
    return ExitCode.ok;
  } finally {
    interrupt.close();
  }
}

/** Asks peers (BEP 9) and downloads nothing else. */
async function fetchMetadata(
  input: TorrentInput & { kind: 'magnet' | 'infoHash' },
  options: InfoOptions,
  signal: AbortSignal,
): Promise<Description> {
  const folder = await mkdtemp(join(tmpdir(), 'freshet-info-'));
  const client: Client = openClient(options);
  try {
    const id = input.kind === 'magnet' ? input.uri : input.id;
    const torrent = client.add(id, {
      announce: options.tracker,
      peers: options.peer,
      deselect: true,
      path: folder,
    });
    const known = new Promise<void>((resolve, reject) => {
      torrent.once('metadata', () => resolve());
      torrent.once('error', reject);
    });
    await Promise.race([known, clientFailure(client), patience(input.infoHash, options.timeout, signal)]);
    return describeFetched(torrent);
  } finally {
    await closeClient(client);
    await rm(folder, { recursive: true, force: true });
  }
}

function patience(infoHash: string, seconds: number, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      const after = formatDuration(seconds);
      reject(
        new CliError(
          ExitCode.noPeers,
          `No peer sent the metadata of ${infoHash} within ${after}: add --tracker or --peer, or raise --timeout.`,
        ),
      );
    }, seconds * 1000);
    timer.unref();
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
