import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP tracker that always names the same peers: a way to introduce programs that take no address. */
export interface FixedTracker {
  /** The announce URL. */
  readonly url: string;
  /** Query strings of the announces so far. */
  readonly announces: string[];
  close(): Promise<void>;
}

/** Starts a tracker on 127.0.0.1 that answers every announce with `peers` (`IPv4:port`), in compact form. */
export async function startFixedTracker(peers: readonly string[]): Promise<FixedTracker> {
  const compact = Buffer.concat(peers.map(compactPeer));
  const announces: string[] = [];
  const server = createServer((request, response) => {
    announces.push(request.url ?? '');
    const head = Buffer.from(
      `d8:completei0e10:incompletei0e8:intervali2e12:min intervali1e5:peers${compact.length}:`,
    );
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(Buffer.concat([head, compact, Buffer.from('e')]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`,
    announces,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function compactPeer(peer: string): Buffer {
  const [host = '', port = ''] = peer.split(':');
  const octets = host.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) {
    throw new Error(`${peer} is not an IPv4 address with a port`);
  }
  return Buffer.from([...octets, Number(port) >> 8, Number(port) & 255]);
}
