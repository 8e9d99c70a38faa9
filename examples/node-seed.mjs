/**
 * Seeds a file or folder where it is and prints its magnet link.
 *
 *   node examples/node-seed.mjs <file or folder> [tracker...]
 *
 * Without trackers it uses those that own-tracker.mjs runs: HTTP for classic clients, WebSocket for browsers.
 */

import Client from 'freshet';

const [path, ...trackers] = process.argv.slice(2);
if (path === undefined) {
  console.error('Usage: node examples/node-seed.mjs <file or folder> [tracker...]');
  process.exit(2);
}
if (trackers.length === 0) trackers.push('http://localhost:8000/announce', 'ws://localhost:8000/announce');

const client = new Client();
// Says goodbye to the trackers.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.destroy());

try {
  const torrent = client.seed(path, { announce: trackers });
  torrent.on('warning', (warning) => console.error(warning.message));
  torrent.on('wire', (wire, address) => console.log(`Peer: ${wire.client} ${address ?? wire.type}`));
  await torrent.untilDone();
  console.log(`Seeding ${torrent.name}`);
  console.log(torrent.magnetURI);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
  await client.destroy();
}
