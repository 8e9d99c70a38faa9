import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpHead } from '../engine/ports.ts';
import { NodeHttpClient } from './http.ts';

let server: Server | undefined;
let client = new NodeHttpClient();
afterEach(() => {
  client.close();
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serve(listener: RequestListener, idleTimeout?: number): Promise<string> {
  client = new NodeHttpClient({ idleTimeout });
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

interface Got {
  readonly head: HttpHead;
  readonly body: string;
}

function get(url: string, range?: { first: number; last: number }): Promise<Got> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let head: HttpHead | undefined;
    client.get(
      { url, range },
      {
        onHead(value) {
          head = value;
        },
        onData(chunk) {
          // Copies, because a chunk is no Buffer.
          chunks.push(chunk.slice());
          chunk.fill(0);
        },
        onEnd: () => resolve({ head: head!, body: Buffer.concat(chunks).toString() }),
        onError: reject,
      },
    );
  });
}

describe('NodeHttpClient', () => {
  it('gets a body with its head, and sends a range and nothing that needs a preflight', async () => {
    let headers: string[] = [];
    const base = await serve((request, response) => {
      headers = Object.keys(request.headers).sort();
      response.writeHead(206, { 'X-Test': 'yes' }).end(`<${request.headers.range}>`);
    });
    const { head, body } = await get(`${base}/file`, { first: 5, last: 9 });
    expect(head.status).toBe(206);
    expect(head.header('x-test')).toBe('yes');
    expect(head.header('x-none')).toBeUndefined();
    expect(head.url).toBe(`${base}/file`);
    expect(body).toBe('<bytes=5-9>');
    expect(headers).toEqual(['connection', 'host', 'range']);
  });

  it('hands over errors of the server as answers', async () => {
    const base = await serve((_, response) => response.writeHead(404).end('no'));
    const { head, body } = await get(base);
    expect([head.status, body]).toEqual([404, 'no']);
  });

  it('follows redirects and tells where they led', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { Location: 'b?x=1' }).end('moved');
      else response.end(`at ${request.url} ${request.headers.range}`);
    });
    const { head, body } = await get(`${base}/a`, { first: 0, last: 1 });
    expect(head.url).toBe(`${base}/b?x=1`);
    expect(body).toBe('at /b?x=1 bytes=0-1');
  });

  it('gives up on a circle of redirects', async () => {
    let requests = 0;
    const base = await serve((_, response) => {
      requests++;
      response.writeHead(301, { Location: '/again' }).end();
    });
    await expect(get(base)).rejects.toThrow(`${base} cannot be fetched: it redirects more than 5 times`);
    expect(requests).toBe(6);
  });

  it('refuses to leave HTTP', async () => {
    const base = await serve((_, response) =>
      response.writeHead(301, { Location: 'file:///etc/passwd' }).end(),
    );
    await expect(get(base)).rejects.toThrow('it is not an HTTP address');
    await expect(get('nonsense')).rejects.toThrow('nonsense cannot be fetched: it is not an HTTP address');
  });

  it('says in one sentence that nobody answers', async () => {
    const base = await serve(() => {});
    await new Promise((resolve) => server?.close(resolve));
    await expect(get(base)).rejects.toThrow(`${base} cannot be fetched: nothing accepts connections there`);
  });

  it('notices a broken answer', async () => {
    const base = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(get(base)).rejects.toThrow(/cannot be fetched: /);
  });

  it('gives up on silence, but not while it is paused itself', async () => {
    const base = await serve((_, response) => {
      response.write('x');
      setTimeout(() => response.write('y'), 300);
    }, 100);
    await expect(get(base)).rejects.toThrow('it has sent nothing for 0.1 s');
    let text = '';
    let failed = false;
    const exchange = client.get(
      { url: base },
      {
        onHead: () => exchange.pause(),
        onData(chunk) {
          text += Buffer.from(chunk).toString();
        },
        onEnd() {},
        onError() {
          failed = true;
        },
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect([text, failed]).toEqual(['', false]);
    exchange.resume();
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(text).toBe('xy');
    exchange.abort();
  });

  it('calls nothing after abort', async () => {
    const base = await serve((_, response) => response.end('x'));
    let calls = 0;
    const count = (): void => {
      calls++;
    };
    const exchange = client.get(
      { url: base },
      { onHead: count, onData: count, onEnd: count, onError: count },
    );
    exchange.abort();
    exchange.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toBe(0);
  });

  it('holds the sender back while it is paused', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const base = await serve((_, response) => {
      const more = (): void => {
        while (written < 64 * 1024 * 1024) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    let received = 0;
    const ended = new Promise<void>((resolve, reject) => {
      const exchange = client.get(
        { url: base },
        {
          onHead() {
            exchange.pause();
            setTimeout(() => {
              expect(received).toBeLessThan(1024 * 1024);
              expect(written).toBeLessThan(32 * 1024 * 1024);
              exchange.resume();
            }, 100);
          },
          onData(data) {
            received += data.length;
          },
          onEnd: resolve,
          onError: reject,
        },
      );
    });
    await ended;
    expect(received).toBe(64 * 1024 * 1024);
  });
});
