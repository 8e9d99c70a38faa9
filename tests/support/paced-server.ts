import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep } from './wait.ts';

/** One file over HTTP with ranges and CORS, at a rate that all connections share. */
export interface PacedServer {
  /** Address of the file. */
  readonly url: string;
  /** Bytes per second; may be changed. */
  rate: number;
  /** Bytes of the file handed to sockets. */
  bytesSent(): number;
  close(): Promise<void>;
}

const CHUNK = 16_384;

export async function servePaced(path: string, name: string, rate: number): Promise<PacedServer> {
  const file = await readFile(path);
  let sent = 0;
  /** When the line is free again, in milliseconds. */
  let free = 0;

  async function send(response: ServerResponse, first: number, last: number): Promise<void> {
    for (let at = first; at <= last && !response.destroyed; at += CHUNK) {
      const chunk = file.subarray(at, Math.min(at + CHUNK, last + 1));
      const now = performance.now();
      free = Math.max(free, now) + (chunk.length / paced.rate) * 1000;
      await sleep(free - now);
      if (response.destroyed) return;
      sent += chunk.length;
      await new Promise<void>((resolve) => void response.write(chunk, () => resolve()));
    }
    response.end();
  }

  const server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'content-range, content-length, accept-ranges');
    response.setHeader('accept-ranges', 'bytes');
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = Number(match?.[1] ?? 0);
    const last = Math.min(match?.[2] ? Number(match[2]) : file.length - 1, file.length - 1);
    if (first > last) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
      return;
    }
    if (match !== null) {
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${first}-${last}/${file.length}`);
    }
    response.setHeader('content-length', last - first + 1);
    if (request.method === 'HEAD') response.end();
    else void send(response, first, last);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const paced: PacedServer = {
    url: `http://127.0.0.1:${port}/${name}`,
    rate,
    bytesSent: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return paced;
}
