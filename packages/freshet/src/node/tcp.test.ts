import { spawn } from 'node:child_process';
import { connect, createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type LinkPair, linkContract } from '../engine/contracts/link.contract.ts';
import type { Link } from '../engine/ports.ts';
import { TcpDialer, TcpListener } from './tcp.ts';

const HOST = '127.0.0.1';

function dial(host: string, port: number, options = {}): Promise<Link> {
  return new Promise((resolve, reject) => {
    new TcpDialer(options).dial({ host, port }, { onLink: resolve, onError: reject });
  });
}

async function makePair(dialler: 'a' | 'b', listenHost = HOST, dialHost = HOST): Promise<LinkPair> {
  const listener = new TcpListener({ host: listenHost });
  let accepted: ((link: Link) => void) | undefined;
  const incoming = new Promise<Link>((resolve) => {
    accepted = resolve;
  });
  const port = await listener.listen(0, (link) => accepted?.(link));
  const [out, into] = await Promise.all([dial(dialHost, port), incoming]);
  return {
    a: dialler === 'a' ? out : into,
    b: dialler === 'a' ? into : out,
    async dispose() {
      out.close();
      into.close();
      await listener.close();
    },
  };
}

linkContract('TCP, from the dialler', () => makePair('a'));
linkContract('TCP, from the accepted side', () => makePair('b'));

function rawServer(onSocket: Parameters<typeof createServer>[1]): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer({}, onSocket);
    server.listen(0, HOST, () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}

function closing(link: Link): Promise<Error | undefined> {
  return new Promise((resolve) => {
    link.attach({ onData() {}, onDrain() {}, onClose: resolve });
  });
}

describe('TcpDialer', () => {
  it('says in one sentence that nobody listens', async () => {
    const listener = new TcpListener({ host: HOST });
    const port = await listener.listen(0, () => {});
    await listener.close();
    await expect(dial(HOST, port)).rejects.toThrow(
      `The peer ${HOST}:${port} cannot be reached: nothing accepts connections there`,
    );
  });

  it('says so when the port is impossible', async () => {
    await expect(dial(HOST, 70_000)).rejects.toThrow(/^The peer 127\.0\.0\.1:70000 cannot be reached/);
  });

  it('gives up after the time limit', async () => {
    // A process that accepts nothing: once its queue is full, the machine leaves further attempts unanswered.
    const child = spawn(process.execPath, [
      '-e',
      `const server = require('node:net').createServer();
       server.listen({ port: 0, host: '${HOST}', backlog: 1 }, () => {
         require('node:fs').writeSync(1, String(server.address().port));
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       });`,
    ]);
    const port = await new Promise<number>((resolve) =>
      child.stdout.once('data', (data) => resolve(Number(data))),
    );
    const fillers = Array.from({ length: 4 }, () => connect(port, HOST).on('error', () => {}));
    await new Promise((resolve) => setTimeout(resolve, 50));
    try {
      await expect(dial(HOST, port, { connectTimeout: 200 })).rejects.toThrow(
        `The peer ${HOST}:${port} cannot be reached: it did not answer within 0.2 s`,
      );
    } finally {
      for (const filler of fillers) filler.destroy();
      child.kill('SIGKILL');
    }
  });

  it('calls nothing after cancel', async () => {
    const listener = new TcpListener({ host: HOST });
    const port = await listener.listen(0, (link) => link.close());
    let called = 0;
    const attempt = new TcpDialer().dial(
      { host: HOST, port },
      { onLink: () => called++, onError: () => called++ },
    );
    attempt.cancel();
    attempt.cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(called).toBe(0);
    await listener.close();
  });

  it('tells of a connection that was broken off, naming the peer', async () => {
    const { server, port } = await rawServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.resetAndDestroy());
    });
    const link = await dial(HOST, port);
    const closed = closing(link);
    link.send([Uint8Array.of(1)]);
    const error = await closed;
    expect(error?.message).toBe(
      `The connection to ${HOST}:${port} has failed: the other end broke the connection off`,
    );
    server.close();
  });

  it('ends when the other end closes its half', async () => {
    const { server, port } = await rawServer((socket) => {
      socket.on('error', () => {});
      socket.end('bye');
    });
    expect(await closing(await dial(HOST, port))).toBeUndefined();
    server.close();
  });
});

describe('TcpListener', () => {
  it('names the port that is in use, and can listen again', async () => {
    const first = new TcpListener({ host: HOST });
    const port = await first.listen(0, () => {});
    const second = new TcpListener({ host: HOST });
    await expect(second.listen(port, () => {})).rejects.toThrow(
      `Port ${port} is in use by another program; choose another port, or 0 for any free one`,
    );
    await first.close();
    expect(await second.listen(port, () => {})).toBe(port);
    await second.close();
    await second.close();
  });

  it('says what a port is', async () => {
    await expect(new TcpListener({ host: HOST }).listen(70_000, () => {})).rejects.toThrow(
      'Port 70000 cannot be listened on: a port is a whole number from 0 to 65535',
    );
  });

  it('takes IPv4 and IPv6 on one port and writes IPv4 addresses as such', async () => {
    const listener = new TcpListener();
    const remotes: (string | undefined)[] = [];
    const port = await listener.listen(0, (link) => {
      remotes.push(link.remote?.host);
      link.close();
    });
    await closing(await dial('127.0.0.1', port));
    const six = await dial('::1', port).catch(() => undefined);
    if (six !== undefined) await closing(six);
    expect(remotes).toEqual(six === undefined ? ['127.0.0.1'] : ['127.0.0.1', '::1']);
    await listener.close();
  });

  it('hands over no link after close, and leaves open ones alone', async () => {
    const listener = new TcpListener({ host: HOST });
    const links: Link[] = [];
    const port = await listener.listen(0, (link) => links.push(link));
    const link = await dial(HOST, port);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(links.length).toBe(1);
    await listener.close();
    const received = new Promise<number>((resolve) => {
      links[0]!.attach({ onData: (chunk) => resolve(chunk[0]!), onDrain() {}, onClose() {} });
    });
    link.attach({ onData() {}, onDrain() {}, onClose() {} });
    link.send([Uint8Array.of(42)]);
    expect(await received).toBe(42);
    const refused = await new Promise<boolean>((resolve) => {
      const socket = connect(port, HOST);
      socket.once('error', () => resolve(true));
      socket.once('connect', () => {
        socket.destroy();
        resolve(false);
      });
    });
    expect(refused).toBe(true);
    link.close();
    links[0]!.close();
  });
});
