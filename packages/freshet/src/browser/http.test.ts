import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../engine/contracts/waiting.contract.ts';
import type { HttpExchange, HttpRequest } from '../engine/ports.ts';
import { browserHttp } from './http.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Starts a request and writes down what it says. */
function get(request: HttpRequest): { said: string[]; bytes: () => number; exchange: HttpExchange } {
  const said: string[] = [];
  let bytes = 0;
  const exchange = browserHttp.get(request, {
    onHead: ({ status, url, header }) => said.push(`${status} ${url} ${header('x-test')}`),
    onData: (chunk) => {
      bytes += chunk.length;
    },
    onEnd: () => said.push('end'),
    onError: ({ message }) => said.push(message),
  });
  return { said, bytes: () => bytes, exchange };
}

describe('HttpClient on fetch', () => {
  it('sends one range, and no header of its own beside it', async () => {
    const seen: IncomingMessage['headers'][] = [];
    const url = await serve(({ headers }, response) => {
      seen.push(headers);
      response.writeHead(206, { 'x-test': 'yes' }).end('four');
    });
    const { said, bytes } = get({ url, range: { first: 10, last: 13 } });
    expect(said).toEqual([]);
    await until(() => said.length === 2, undefined, 'the answer has ended');
    expect(said).toEqual([`206 ${url} yes`, 'end']);
    expect(bytes()).toBe(4);
    expect(seen[0]?.range).toBe('bytes=10-13');
    expect(Object.keys(seen[0]!).filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  it('tells the address after a redirect', async () => {
    const url = await serve(({ url: path }, response) => {
      if (path === '/') response.writeHead(302, { location: '/there' }).end();
      else response.end();
    });
    const { said } = get({ url });
    await until(() => said.includes('end'), undefined, 'the answer has ended');
    expect(said[0]).toBe(`200 ${url}there undefined`);
  });

  it('holds the body back while it is paused', async () => {
    const total = 20_000_000;
    const url = await serve((_, response) => response.end(Buffer.alloc(total)));
    const { said, bytes, exchange } = get({ url });
    await until(() => bytes() > 0, undefined, 'the first bytes have come');
    exchange.pause();
    const before = bytes();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bytes()).toBe(before);
    expect(before).toBeLessThan(total);
    exchange.resume();
    await until(() => said.includes('end'), undefined, 'the answer has ended');
    expect(bytes()).toBe(total);
  });

  it('says nothing after abort, and closes the connection', async () => {
    let closed = false;
    const url = await serve((_, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.write(Buffer.alloc(100_000));
    });
    const { said, bytes, exchange } = get({ url });
    await until(() => bytes() > 0, undefined, 'the first bytes have come');
    const before = bytes();
    exchange.abort();
    exchange.resume();
    await until(() => closed, undefined, 'the server has noticed');
    expect(bytes()).toBe(before);
    expect(said.length).toBe(1);
  });

  it('says which address broke off, and which one cannot be reached', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('some');
      setTimeout(() => response.destroy(), 20);
    });
    const broken = get({ url });
    await until(() => broken.said.length === 2, undefined, 'the failure is told');
    expect(broken.said[1]).toContain(`${url} could not be read: `);
    const unreachable = get({ url: 'http://127.0.0.1:1/' });
    const wrong = get({ url: 'rubbish' });
    await until(() => unreachable.said.length + wrong.said.length === 2, undefined, 'both are told');
    expect(unreachable.said[0]).toContain('http://127.0.0.1:1/ could not be read: ');
    expect(wrong.said[0]).toContain('rubbish could not be read: ');
  });
});
