/** A download that is made to be killed. Says on standard output what it takes for verified. */

import Client from 'freshet';

export interface ChildOptions {
  readonly torrentFile: string;
  readonly path: string;
  readonly peer: string;
  /** Bytes per second. */
  readonly limit: number;
  /** Places in `torrent.files` of those that are not wanted. */
  readonly deselected: readonly number[];
  /** Milliseconds between two pauses, each of which saves all there is; 0 for none. */
  readonly pauseEvery: number;
}

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const tell = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);

const client = new Client({
  tracker: false,
  webrtc: false,
  host: '127.0.0.1',
  downloadLimit: options.limit,
});
client.on('error', (error) => {
  tell({ error: String(error) });
  process.exitCode = 1;
});
const torrent = client.add(options.torrentFile, { path: options.path, peers: [options.peer] });
torrent.on('metadata', () => {
  // What was chosen in an earlier life is remembered.
  for (const file of torrent.files) {
    if (options.deselected.includes(file.index)) file.deselect();
    else file.select();
  }
});
torrent.on('warning', (error) => tell({ warning: error.message }));
torrent.on('ready', () => {
  tell({ ready: [...torrent.bitfield!.indexes()], received: torrent.received });
  if (options.pauseEvery === 0) return;
  setInterval(() => {
    torrent.pause();
    torrent.resume();
    torrent.addPeer(options.peer);
  }, options.pauseEvery);
});
torrent.on('done', () => tell({ done: torrent.downloaded, received: torrent.received }));
process.stdin.on('end', () => void client.destroy()).resume();
