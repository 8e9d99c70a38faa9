/**
 * Downloads a torrent into a folder and shows the progress.
 *
 *   node examples/node-download.mjs <magnet link | .torrent file or address | info-hash> [folder]
 *
 * Run again, it goes on where it was stopped.
 */

import Client from 'freshet';

const [id, folder = 'downloads'] = process.argv.slice(2);
if (id === undefined) {
  console.error('Usage: node examples/node-download.mjs <magnet link | .torrent file or address> [folder]');
  process.exit(2);
}

const client = new Client();
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

try {
  const torrent = client.add(id, { path: folder, signal: stop.signal });
  torrent.on('warning', (warning) => console.error(warning.message));
  torrent.on('metadata', () => console.log(`${torrent.name}, ${torrent.length} bytes`));
  const progress = setInterval(() => {
    const percent = (100 * torrent.progress).toFixed(1);
    const speed = (torrent.downloadSpeed / 1e6).toFixed(1);
    console.log(`${percent} %  ${speed} MB/s  ${torrent.numPeers} peers`);
  }, 1000);
  try {
    await torrent.untilDone();
  } finally {
    clearInterval(progress);
  }
  console.log(`Done: ${torrent.files.length} files in ${torrent.path}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await client.destroy();
}
