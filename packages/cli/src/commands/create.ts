/** `freshet create`: a torrent file of files and folders. */

import { basename } from 'node:path';
import type Client from 'freshet';
import { parseTorrent, toHex } from 'freshet/protocol';
import { clientFailure, closeClient, openClient } from '../client.ts';
import { checkInputs } from '../inputs.ts';
import { catchInterrupts } from '../interrupt.ts';
import { type MetadataOptions, seedOptionsOf, showHashing } from '../make.ts';
import { hashesOf } from '../source.ts';
import { refuseExisting, writeTorrentFile } from '../torrent-file.ts';
import { Output } from '../ui/output.ts';
import { printable } from '../ui/text.ts';

export interface CreateOptions extends MetadataOptions {
  /** Path of the torrent file; `-` for standard output. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function create(paths: readonly string[], options: CreateOptions): Promise<number> {
  const interrupt = catchInterrupts();
  const toStdout = options.output === '-';
  const output = new Output({ ...options, toStderr: toStdout });
  interrupt.onExit(() => output.close());
  const force = options.force === true;
  let client: Client | undefined;
  try {
    await checkInputs(paths);
    if (options.output !== undefined && !toStdout) await refuseExisting(options.output, force);
    // It makes the torrent and shares it with nobody.
    client = openClient(
      { host: '127.0.0.1', webrtc: false },
      { tracker: false, webSeeds: false, tcp: false },
    );
    const torrent = client.seed([...paths], { ...seedOptionsOf(options), paused: true });
    await Promise.race([
      showHashing(torrent, options.name ?? basename(paths[0]!), output),
      clientFailure(client),
      interrupt.fired,
    ]);
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    const bytes = torrent.torrentFile!;
    const path = options.output ?? `${torrent.name}.torrent`;
    if (toStdout) await new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()));
    else await writeTorrentFile(path, bytes, force);
    const infoHash = torrent.infoHash!;
    const magnet = torrent.magnetURI!;
    const { v1, v2 } = hashesOf(parseTorrent(bytes));
    const infoHashV2 = v2 && toHex(v2);
    output.event({
      event: 'created',
      file: path,
      infoHash,
      infoHashV2,
      magnet,
      name: torrent.name!,
      length: torrent.length,
    });
    if (!toStdout) output.say(`Wrote ${printable(path)}`);
    if (v1 !== undefined) output.result(`Info-hash ${infoHash}`);
    if (infoHashV2 !== undefined) output.result(`v2 hash   ${infoHashV2}`);
    output.result(`Magnet    ${magnet}`);
    return 0;
  } finally {
    output.close();
    await closeClient(client);
    interrupt.close();
  }
}
