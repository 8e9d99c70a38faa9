// bittorrent-tracker as a server on 127.0.0.1: HTTP and WebSocket announces on one port, UDP off.
import { Server } from 'bittorrent-tracker';

// A fifth of the interval holds for WebSocket: 10 s, so that a connection that failed is offered again within a test.
const server = new Server({
  interval: 50_000,
  udp: false,
  http: true,
  ws: true,
  stats: true,
  trustProxy: false,
});
server.on('error', (error) => process.stderr.write(`${error.message}\n`));
server.on('warning', (error) => process.stderr.write(`${error.message}\n`));
server.on('listening', () => {
  process.stdout.write(`${JSON.stringify({ event: 'listening', port: server.http.address().port })}\n`);
});
server.listen(0, '127.0.0.1');
process.stdin.resume().on('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
