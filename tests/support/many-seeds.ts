/** Many seeds of one torrent in one process, each a client of its own over WebRTC. Told of by JSON lines; see `JsonProgram`. */

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import Client, { type Torrent } from 'freshet';

interface Request {
  readonly id: number;
  readonly command: string;
  readonly torrentFile: string;
  readonly dir: string;
  readonly tracker: string;
  readonly count: number;
  /** Bytes per second of each. */
  readonly uploadLimit: number;
  /** Nobody is there yet. */
  readonly alone?: boolean | undefined;
}

const say = (fields: object): boolean => process.stdout.write(`${JSON.stringify(fields)}\n`);
const clients: Client[] = [];
const torrents: Torrent[] = [];

/** So many at a time: of more offers at once a client answers only some, and whoever is left out waits for minutes. */
const GROUP = 5;

function start(torrentFile: Uint8Array, { dir, tracker, uploadLimit }: Request): Torrent {
  const client = new Client({
    host: '127.0.0.1',
    tcp: false,
    uploadLimit,
    // No STUN: nothing leaves the machine.
    tracker: { rtcConfig: { iceServers: [] } },
  });
  clients.push(client);
  client.on('error', (error) => process.stderr.write(`${error.message}\n`));
  const torrent = client.add(torrentFile, { path: dir, announce: [tracker] });
  torrents.push(torrent);
  return torrent;
}

/** Answered when all have checked their data; unless it is alone, each has met somebody then too. */
async function seed(request: Request): Promise<object> {
  const torrentFile = await readFile(request.torrentFile);
  for (let left = request.count; left > 0; left -= GROUP) {
    const group = Array.from({ length: Math.min(left, GROUP) }, () => start(torrentFile, request));
    await Promise.all(group.map((torrent) => torrent.untilDone()));
    if (request.alone === true) continue;
    await Promise.all(
      group.map(
        (torrent) =>
          torrent.numPeers > 0 || new Promise<void>((resolve) => torrent.once('wire', () => resolve())),
      ),
    );
  }
  return {};
}

const commands: Record<string, (request: Request) => object | Promise<object>> = {
  seed,
  limit: ({ uploadLimit }) => {
    for (const client of clients) client.throttleUpload(uploadLimit);
    return {};
  },
  status: () => ({ uploaded: torrents.map(({ uploaded }) => uploaded) }),
};

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const request = JSON.parse(line) as Request;
    try {
      say({ id: request.id, ...(await commands[request.command]!(request)) });
    } catch (error) {
      say({ id: request.id, error: (error as Error).message });
    }
  })
  .on('close', () => process.exit(0));
