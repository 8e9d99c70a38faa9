import { describe, expect, it } from 'vitest';
import type { HttpHandler, HttpRequest, MessageSocketHandler } from '../engine/ports.ts';
import {
  MemoryHttp,
  type MemoryHttpResponse,
  MemoryMessageSockets,
  type ServerSocket,
  VirtualClock,
} from './index.ts';

function fetching(http: MemoryHttp, request: HttpRequest) {
  const seen = {
    status: 0,
    url: '',
    type: '' as string | undefined,
    body: [] as number[],
    ended: 0,
    errors: [] as string[],
  };
  const handler: HttpHandler = {
    onHead: (head) => {
      seen.status = head.status;
      seen.url = head.url;
      seen.type = head.header('content-range');
    },
    onData: (chunk) => seen.body.push(...chunk),
    onEnd: () => {
      seen.ended++;
    },
    onError: (error) => seen.errors.push(error.message),
  };
  return { seen, exchange: http.get(request, handler) };
}

describe('MemoryHttp', () => {
  const body = Uint8Array.from({ length: 100 }, (_, i) => i);
  const url = 'http://host/file';

  it('serves bytes, ranges, and statuses for what is not there', () => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock, { latencyMs: 10, chunkBytes: 30 });
    http.serve(url, body);
    const whole = fetching(http, { url });
    const part = fetching(http, { url, range: { first: 90, last: 200 } });
    const beyond = fetching(http, { url, range: { first: 100, last: 200 } });
    const missing = fetching(http, { url: 'http://host/other' });
    const nobody = fetching(http, { url: 'http://nobody/' });
    clock.advance(19);
    expect(whole.seen.status).toBe(0);
    clock.advance(1);
    expect(whole.seen).toMatchObject({ status: 200, url, body: [...body], ended: 1 });
    expect(part.seen).toMatchObject({
      status: 206,
      type: 'bytes 90-99/100',
      body: [...body.slice(90)],
      ended: 1,
    });
    expect(beyond.seen).toMatchObject({ status: 416, type: 'bytes */100', body: [], ended: 1 });
    expect(missing.seen).toMatchObject({ status: 404, ended: 1 });
    expect(nobody.seen).toMatchObject({ ended: 0, errors: ['No web server answers at http://nobody/.'] });
    expect(http.requests.length).toBe(5);
  });

  it('follows redirects, and gives up on a circle', () => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock);
    http.serve(url, body);
    http.route('http://other/*', () => ({ redirect: url }));
    http.route('http://circle/', () => ({ redirect: 'http://circle/' }));
    const moved = fetching(http, { url: 'http://other/x', range: { first: 0, last: 1 } });
    const circle = fetching(http, { url: 'http://circle/' });
    clock.advance(1);
    expect(moved.seen).toMatchObject({ status: 206, url, body: [0, 1] });
    expect(circle.seen.errors).toEqual(['http://circle/ redirects without end.']);
  });

  it('breaks, falls silent, takes its time', () => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock, { bytesPerSecond: 100, chunkBytes: 10 });
    const responses: Record<string, MemoryHttpResponse> = {
      early: { body, breakAfter: -1 },
      broken: { body, breakAfter: 25 },
      silent: { body, silentAfter: 25 },
      mute: { body, silentAfter: -1 },
    };
    http.route('http://bad/*', (request) => responses[request.url.slice(11)]!);
    const [early, broken, silent, mute] = ['early', 'broken', 'silent', 'mute'].map(
      (name) => fetching(http, { url: `http://bad/${name}` }).seen,
    );
    clock.advance(249);
    expect(broken!.errors).toEqual([]);
    clock.advance(1);
    expect([early!.status, early!.errors.length]).toEqual([0, 1]);
    expect([broken!.body.length, broken!.errors.length, broken!.ended]).toEqual([25, 1, 0]);
    expect([silent!.body.length, silent!.errors.length]).toEqual([25, 0]);
    clock.advance(30_000);
    expect([silent!.errors.length, mute!.errors.length, mute!.status]).toEqual([1, 1, 0]);
  });

  it('can be paused and aborted', () => {
    const clock = new VirtualClock();
    const http = new MemoryHttp(clock, { bytesPerSecond: 100, chunkBytes: 10 });
    http.serve(url, body);
    const paused = fetching(http, { url });
    const aborted = fetching(http, { url });
    clock.advance(300);
    paused.exchange.pause();
    aborted.exchange.abort();
    clock.advance(5000);
    expect([paused.seen.body.length, aborted.seen.body.length]).toEqual([30, 30]);
    paused.exchange.resume();
    clock.advance(5000);
    expect([paused.seen.body, paused.seen.ended]).toEqual([[...body], 1]);
    expect([aborted.seen.ended, aborted.seen.errors.length]).toEqual([0, 0]);
  });
});

describe('MemoryMessageSockets', () => {
  function client() {
    const log: string[] = [];
    const handler: MessageSocketHandler = {
      onOpen: () => log.push('open'),
      onMessage: (text) => log.push(`message ${text}`),
      onClose: (reason) => log.push(`close ${reason}`),
    };
    return { log, handler };
  }

  it('carries messages both ways in order, and the end', () => {
    const clock = new VirtualClock();
    const sockets = new MemoryMessageSockets(clock, { latencyMs: 10 });
    const server: string[] = [];
    let peer: ServerSocket | undefined;
    sockets.serve('wss://tracker/', (socket) => {
      peer = socket;
      return {
        onMessage: (text) => {
          server.push(text);
          socket.send(`re ${text}`);
        },
        onClose: () => server.push('closed'),
      };
    });
    const { log, handler } = client();
    const socket = sockets.connect('wss://tracker/', handler);
    socket.send('too early');
    expect(log).toEqual([]);
    clock.advance(20);
    expect(log).toEqual(['open']);
    socket.send('one');
    socket.send('two');
    expect(socket.queuedBytes).toBe(6);
    clock.advance(20);
    expect(socket.queuedBytes).toBe(0);
    expect(log).toEqual(['open', 'message re one', 'message re two']);
    socket.send('last');
    socket.close();
    socket.close();
    clock.advance(100);
    expect(server).toEqual(['one', 'two', 'last', 'closed']);
    expect(log.length).toBe(3);
    expect(sockets.connections).toBe(0);
    peer!.close();
    clock.advance(100);
    expect(log.length).toBe(3);
  });

  it('tells when nobody answers, when the server closes and when it stops', () => {
    const clock = new VirtualClock();
    const sockets = new MemoryMessageSockets(clock, { latencyMs: 10 });
    const nobody = client();
    sockets.connect('wss://nobody/', nobody.handler);
    const accepted: ServerSocket[] = [];
    sockets.serve('wss://tracker/', (socket) => {
      accepted.push(socket);
      return { onMessage: () => {} };
    });
    const first = client();
    const second = client();
    sockets.connect('wss://tracker/', first.handler);
    sockets.connect('wss://tracker/', second.handler);
    clock.advance(20);
    expect(nobody.log).toEqual(['close No WebSocket server answers at wss://nobody/.']);
    accepted[0]!.close('enough');
    accepted[0]!.send('unheard');
    clock.advance(10);
    expect(first.log).toEqual(['open', 'close enough']);
    sockets.stop('wss://tracker/');
    clock.advance(10);
    expect(second.log).toEqual(['open', 'close The server was stopped.']);
    expect(sockets.connections).toBe(0);
  });
});
