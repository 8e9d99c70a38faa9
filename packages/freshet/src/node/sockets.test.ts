import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { NodeMessageSocketConnector } from './sockets.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(): Promise<{ server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  cleanups.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const address = server.address();
  return {
    server,
    url: `ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`,
  };
}

function failure(url: string, handshakeTimeout?: number): Promise<string> {
  return new Promise((resolve) => {
    let returned = false;
    new NodeMessageSocketConnector({ handshakeTimeout }).connect(url, {
      onOpen: () => resolve('open'),
      onMessage: () => resolve('message'),
      onClose: (reason) => resolve(returned ? reason : 'from within the call'),
    });
    returned = true;
  });
}

describe('NodeMessageSocketConnector', () => {
  it('carries text both ways and ignores send before it is open', async () => {
    const { server, url } = await serve();
    const heard: string[] = [];
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        heard.push(data.toString());
        socket.send(`echo ${data.toString()}`);
        socket.send(Buffer.from('marked as binary'));
      });
    });
    const messages: string[] = [];
    await new Promise<void>((resolve) => {
      const socket = new NodeMessageSocketConnector().connect(url, {
        onOpen() {
          socket.send('hällo');
        },
        onMessage(text) {
          messages.push(text);
          if (messages.length === 2) resolve();
        },
        onClose() {},
      });
      socket.send('too early');
      expect(socket.queuedBytes).toBe(0);
      cleanups.push(() => socket.close());
    });
    expect(heard).toEqual(['hällo']);
    expect(messages).toEqual(['echo hällo', 'marked as binary']);
  });

  it('tells that the other end has closed, with its words', async () => {
    const { server, url } = await serve();
    server.on('connection', (socket) => socket.close(1013, 'try later'));
    const reason = await new Promise<string>((resolve) => {
      new NodeMessageSocketConnector().connect(url, { onOpen() {}, onMessage() {}, onClose: resolve });
    });
    expect(reason).toBe(`${url} has closed the connection (1013): try later`);
  });

  it('names the address in every failure', async () => {
    expect(await failure('nonsense')).toBe('nonsense is not the address of a WebSocket');
    const { server, url } = await serve();
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(url)).toBe(`${url} cannot be reached: nothing accepts connections there`);

    const plain = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => plain.close());
    const address = plain.address();
    const other = `ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/x`;
    expect(await failure(other)).toBe(
      `${other} cannot be reached: it answers with HTTP status 404 instead of a WebSocket`,
    );
  });

  it('gives up on a handshake without an answer', async () => {
    const silent = createTcpServer((socket) => {
      socket.on('error', () => {});
      cleanups.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => silent.close());
    const address = silent.address();
    const url = `ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
    expect(await failure(url, 100)).toBe(`${url} cannot be reached: it does not answer`);
  });

  it('refuses messages beyond its bound', async () => {
    const { server, url } = await serve();
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.send('x'.repeat(2 * 1024 * 1024));
    });
    const reason = await new Promise<string>((resolve) => {
      new NodeMessageSocketConnector().connect(url, {
        onOpen() {},
        onMessage: () => resolve('a message'),
        onClose: resolve,
      });
    });
    expect(reason).toContain(url);
    expect(reason).toContain('has failed');
  });

  it('calls nothing after close', async () => {
    const { url } = await serve();
    const connector = new NodeMessageSocketConnector();
    let calls = 0;
    const count = (): void => {
      calls++;
    };
    const handler = { onOpen: count, onMessage: count, onClose: count };
    connector.connect(url, handler).close();
    connector.connect('nonsense', handler).close();
    connector.connect(url, handler);
    connector.close();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toBe(0);
  });
});
