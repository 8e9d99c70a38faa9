/** What a site seeds: the given files and folders, or the sample film. */

import { access } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Client from 'freshet';
import { DuplicateTorrentError, type SeedOptions } from 'freshet';
import { CliError, ExitCode } from '../exit.ts';
import { checkInputs } from '../inputs.ts';
import { showHashing } from '../make.ts';
import type { Output } from '../ui/output.ts';
import { tellWarnings } from '../watch.ts';
import { hasWebSeed, type SharedTorrent, shareTorrent } from './catalogue.ts';

/** In a working copy; the published package leaves it out. */
const SAMPLE = fileURLToPath(new URL('../../../../assets/sample-film.mp4', import.meta.url));

/** The paths to seed. @throws {CliError} naming what is wrong with one of them. */
export async function pathsToServe(paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length > 0) {
    await checkInputs(paths);
    return paths;
  }
  try {
    await access(SAMPLE);
  } catch (cause) {
    throw new CliError(
      ExitCode.usage,
      'The sample film is not part of this installation: name a file or folder, as in freshet serve film.mp4.',
      { cause },
    );
  }
  return [SAMPLE];
}

/** Hashes and seeds one path after the other. Resolves when all are being seeded. */
export async function seedPaths(
  client: Client,
  paths: readonly string[],
  options: SeedOptions,
  output: Output,
  onSeeded: (shared: SharedTorrent) => void,
): Promise<void> {
  const names = new Set<string>();
  for (const path of paths) {
    const torrent = client.seed([path], { ...options, destroyOnError: false });
    tellWarnings(torrent, output);
    const started = showHashing(torrent, basename(path), output).then(() => torrent.untilReady());
    try {
      await started;
    } catch (error) {
      if (!(error instanceof DuplicateTorrentError)) throw error;
      output.warn(`"${path}" is what another of the given paths is already, so it is served once.`);
      continue;
    }
    // From here on a fault of one torrent, such as a file that was changed, leaves the others alone.
    torrent.on('error', (error) => output.warn(error));
    const shared = await shareTorrent(torrent, names);
    names.add(shared.name);
    if (!hasWebSeed(shared)) {
      output.warn(
        `Some names in "${path}" are changed in its torrent, so peers have it and the web seed has not.`,
      );
    }
    onSeeded(shared);
  }
}

/** Addresses at which the seeder announces itself to its own tracker. */
export function ownTrackers(host: string, port: number): string[] {
  // The tracker hands out the address that an announce comes from; from 127.0.0.1 it would be of no use to others.
  const reachable = isWildcard(host) ? (lanAddress() ?? '127.0.0.1') : host;
  const place = `${bracketed(reachable)}:${port}/announce`;
  return [`ws://${place}`, `http://${place}`];
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function lanAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
