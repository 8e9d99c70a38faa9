import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that is free now and that this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.on('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free port after 50 attempts');
}

/**
 * An IPv4 address of this machine that is not loopback, or `undefined`. Packets to it do not leave the machine.
 * Needed where a program refuses 127.0.0.0/8, as Transmission does for peers that a tracker names.
 */
export function ownAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find((entry) => entry.family === 'IPv4' && !entry.internal)?.address;
}
