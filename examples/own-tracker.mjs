/**
 * A tracker inside a site's own HTTP server, on the same port. The site here is this repository's folder, so that the
 * example pages can be opened: http://localhost:8000/examples/page-share/
 *
 *   node examples/own-tracker.mjs [port]
 */

import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createTracker } from 'freshet-tracker';
import sirv from 'sirv';

// Any request handler does: a folder, Express, your own function.
const site = sirv(fileURLToPath(new URL('..', import.meta.url)), { dev: true });

const tracker = createTracker({ onWarning: (sentence) => console.error(sentence) });
const server = createServer((request, response) => {
  // Takes /announce, /scrape, /stats, /stats.json and /health.
  if (!tracker.handleRequest(request, response)) site(request, response);
});
// WebSocket connections to other paths stay with the site.
tracker.attach(server, { accepts: (request) => request.url?.startsWith('/announce') === true });

server.once('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
  tracker.close();
});
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`Site:     http://localhost:${port}/examples/page-share/`);
  console.log(`Trackers: http://localhost:${port}/announce ws://localhost:${port}/announce`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await tracker.close();
    server.close();
    server.closeAllConnections();
  });
}
