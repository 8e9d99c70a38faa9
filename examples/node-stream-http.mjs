/**
 * Makes the files of a torrent HTTP addresses with ranges, for any player. Only what is asked for is downloaded.
 *
 *   node examples/node-stream-http.mjs <magnet link | .torrent file or address> [port]
 */

import { once } from 'node:events';
import Client from 'freshet';

const [id, port = '8001'] = process.argv.slice(2);
if (id === undefined) {
  console.error('Usage: node examples/node-stream-http.mjs <magnet link | .torrent file or address> [port]');
  process.exit(2);
}

const client = new Client();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.destroy());

try {
  const { server } = client.createServer();
  server.listen(Number(port), '127.0.0.1');
  await once(server, 'listening');
  const torrent = await client.add(id, { deselect: true }).untilReady();
  for (const file of torrent.files) {
    // In Node a streamURL is a path at the client's server.
    console.log(`${new URL(file.streamURL, `http://127.0.0.1:${server.address().port}`)}`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
  await client.destroy();
}
