/** `freshet check`: reads what is there of a torrent and says what is right. */

import { readFile, stat } from 'node:fs/promises';
import type Client from 'freshet';
import type { Torrent } from 'freshet';
import { clientFailure, closeClient, openClient } from '../client.ts';
import { ExitCode, usageError } from '../exit.ts';
import { catchInterrupts } from '../interrupt.ts';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { Output } from '../ui/output.ts';
import { printable } from '../ui/text.ts';
import { tellWarnings } from '../watch.ts';

export interface CheckOptions {
  /** The folder that the files are in. */
  readonly data: string;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Resolves with 0 when everything is there and right, with 1 when not. */
export async function check(source: string, options: CheckOptions): Promise<number> {
  const interrupt = catchInterrupts();
  const output = new Output(options);
  interrupt.onExit(() => output.close());
  let client: Client | undefined;
  try {
    const torrentFile = await readFile(source).catch((cause: unknown) => {
      throw usageError(`${source} cannot be read: name a torrent file.`, cause);
    });
    const folder = await stat(options.data).catch(() => undefined);
    if (folder?.isDirectory() !== true) throw usageError(`--data ${options.data} is not a folder.`);
    // It asks nobody and shares with nobody.
    client = openClient(
      { host: '127.0.0.1', webrtc: false },
      { tracker: false, webSeeds: false, tcp: false },
    );
    const torrent = client.add(new Uint8Array(torrentFile), { path: options.data, paused: true });
    tellWarnings(torrent, output);
    await Promise.race([verify(torrent, output), clientFailure(client), interrupt.fired]);
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    tell(torrent, output);
    return torrent.progress === 1 ? ExitCode.ok : ExitCode.failure;
  } finally {
    output.close();
    await closeClient(client);
    interrupt.close();
  }
}

/** Reads everything, whatever is remembered. */
async function verify(torrent: Torrent, output: Output): Promise<void> {
  await torrent.untilReady();
  let checked = 0;
  let total = torrent.pieces.length;
  torrent.on('checking', (pieces, all) => {
    checked = pieces;
    total = all;
  });
  const progress = (): number => (total === 0 ? 1 : checked / total);
  const text = (): string => `checking ${printable(torrent.name ?? '')}: ${formatPercent(progress())}`;
  output.show({
    lines: () => [text()],
    text,
    json: () => ({ event: 'checking', checked, total }),
  });
  try {
    await torrent.rescanFiles();
  } finally {
    output.hide();
  }
}

function tell(torrent: Torrent, output: Output): void {
  const files = torrent.files.map(({ path, length, downloaded }, index) => ({
    number: index + 1,
    path,
    length,
    verified: downloaded,
  }));
  for (const { path, length, verified } of files) {
    if (verified === length) continue;
    output.say(`${printable(path)}: ${formatBytes(verified)} of ${formatBytes(length)} are right`);
  }
  const { downloaded, length } = torrent;
  output.event({ event: 'checked', verified: downloaded, length, files });
  output.result(
    downloaded === length
      ? `Everything is there and right: ${formatBytes(length)}`
      : `${formatBytes(downloaded)} of ${formatBytes(length)} are there and right (${formatPercent(torrent.progress)})`,
  );
}
