/**
 * Reads the largest file of a torrent in order, while it downloads, and writes it to standard output.
 *
 *   node examples/for-await.mjs <magnet link | .torrent file or address> | ffplay -
 */

import { once } from 'node:events';
import Client from 'freshet';

const [id] = process.argv.slice(2);
if (id === undefined) {
  console.error('Usage: node examples/for-await.mjs <magnet link | .torrent file or address> > file');
  process.exit(2);
}

const client = new Client();
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
// Whoever reads us has gone.
process.stdout.once('error', () => stop.abort());

try {
  // Nothing but what is read, and nothing of it is kept.
  const options = { deselect: true, destroyStoreOnDestroy: true, signal: stop.signal };
  const torrent = await client.add(id, options).untilReady();
  const file = torrent.files.reduce((largest, other) => (other.length > largest.length ? other : largest));
  for await (const chunk of file) {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain', { signal: stop.signal });
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.destroy();
}
