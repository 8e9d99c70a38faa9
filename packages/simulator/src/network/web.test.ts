import type { HttpExchange, HttpRequest } from 'freshet/engine';
import type { ServerSocket } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import type { SimResponse } from './network.ts';
import { type TestNetwork, testNetwork } from './test-network.contract.ts';

const SERVER = '10.9.0.1';
const CLIENT = '10.0.0.1';
const ORIGIN = `http://${SERVER}`;

/** A server 40 ms away at 50 Mbit/s, a client at 20 Mbit/s. */
function web(
  answer: (request: HttpRequest, from: string) => SimResponse | undefined,
  origin = ORIGIN,
): TestNetwork {
  const test = testNetwork();
  test.network.setHost(SERVER, { latencyMs: 20, up: 6_250_000 });
  test.network.setHost(CLIENT, { latencyMs: 20, down: 2_500_000, up: 625_000 });
  test.network.serveHttp(SERVER, origin, answer);
  return test;
}

interface Fetched {
  exchange: HttpExchange;
  status: number | undefined;
  url: string | undefined;
  type: string | undefined;
  length: number;
  headAt: number | undefined;
  endAt: number | undefined;
  error: Error | undefined;
  errorAt: number | undefined;
}

function fetchFrom({ clock, network }: TestNetwork, url: string, range?: HttpRequest['range']): Fetched {
  return fetchWith(network.http(CLIENT), clock, { url, range });
}

function fetchWith(
  http: ReturnType<TestNetwork['network']['http']>,
  clock: TestNetwork['clock'],
  request: HttpRequest,
): Fetched {
  const seen: Partial<Fetched> = { length: 0 };
  const done = seen as Fetched;
  done.exchange = http.get(request, {
    onHead: (head) => {
      done.status = head.status;
      done.url = head.url;
      done.type = head.header('content-type');
      done.headAt = clock.now();
    },
    onData: (chunk) => {
      done.length += chunk.length;
    },
    onEnd: () => {
      done.endAt = clock.now();
    },
    onError: (error) => {
      done.error = error;
      done.errorAt = clock.now();
    },
  });
  return done;
}

describe('HTTP', () => {
  it('takes the round trips that it takes: TCP, TLS, slow start; later requests find a warm connection', () => {
    for (const [scheme, handshake] of [
      ['http', 80],
      ['https', 160],
    ] as const) {
      const origin = `${scheme}://${SERVER}`;
      const asked: string[] = [];
      const test = web((request, from) => {
        asked.push(`${from} ${request.url} ${request.range?.first}-${request.range?.last}`);
        return { status: 206, body: new Uint8Array(150_000), headers: { 'content-type': 'video/mp4' } };
      }, origin);
      const http = test.network.http(CLIENT);
      const request = { url: `${origin}/film.mp4`, range: { first: 0, last: 149_999 } };
      const first = fetchWith(http, test.clock, request);
      while (first.endAt === undefined) test.clock.advance(10);
      expect(asked).toEqual([`${CLIENT} ${origin}/film.mp4 0-149999`]);
      expect([first.status, first.url, first.type, first.length]).toEqual([
        206,
        request.url,
        'video/mp4',
        150_000,
      ]);
      // The handshakes, 40 ms there and 40 back; a packet or two on the lines.
      expect(first.headAt).toBeGreaterThan(handshake + 80);
      expect(first.headAt).toBeLessThan(handshake + 80 + 10);
      // Three more round trips of slow start, and 48 KB at 20 Mbit/s; with what the earlier packets took.
      expect(first.endAt).toBeGreaterThan(handshake + 80 + 240 + 19);
      expect(first.endAt).toBeLessThan(handshake + 80 + 240 + 19 + 45);
      const start = test.clock.now();
      const second = fetchWith(http, test.clock, request);
      test.clock.advance(1000);
      expect(second.headAt! - start).toBeLessThan(90);
      // 150,300 bytes at 20 Mbit/s are 60 ms; the window holds nearly all of them.
      expect(second.endAt! - start).toBeGreaterThan(80 + 60);
      expect(second.endAt! - start).toBeLessThan(80 + 60 + 90);
      // After 50 s the window is that of a new connection, and after a minute the connection has been closed.
      test.clock.advance(50_000);
      const third = fetchWith(http, test.clock, request);
      const thirdAt = test.clock.now();
      test.clock.advance(62_000);
      expect(third.endAt! - thirdAt).toBeGreaterThan(80 + 240 + 19);
      expect(third.endAt! - thirdAt).toBeLessThan(80 + 240 + 19 + 45);
      const fourth = fetchWith(http, test.clock, request);
      const fourthAt = test.clock.now();
      test.clock.advance(1000);
      expect(fourth.headAt! - fourthAt).toBeGreaterThan(handshake + 80);
    }
  });

  it('opens six connections to an origin, and lets others wait for one of them', () => {
    const test = web(() => ({ body: new Uint8Array(10), delayMs: 500 }));
    const http = test.network.http(CLIENT);
    const all = Array.from({ length: 13 }, () => fetchWith(http, test.clock, { url: `${ORIGIN}/x` }));
    test.clock.advance(5000);
    const rounds = all.map(({ endAt }) => Math.floor(endAt! / 600));
    expect(rounds).toEqual(
      [...Array(6).fill(1), ...Array(6).fill(2), 3].map((round, i) => (i < 13 ? round : 0)),
    );
    const aborted = Array.from({ length: 8 }, () => fetchWith(http, test.clock, { url: `${ORIGIN}/x` }));
    for (const { exchange } of aborted.slice(0, 7)) exchange.abort();
    test.clock.advance(1000);
    expect(aborted.map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 0, 0, 10]);
  });

  it('shares the line of the server fairly, and gives it free when a request is aborted', () => {
    const test = web(() => ({ body: new Uint8Array(100_000_000) }));
    const clients = ['10.0.1.1', '10.0.1.2'].map((client) => {
      test.network.setHost(client, { latencyMs: 20 });
      return fetchWith(test.network.http(client), test.clock, { url: `${ORIGIN}/large` });
    });
    test.clock.advance(5000);
    const [one, two] = clients.map(({ length }) => length) as [number, number];
    expect(Math.abs(one - two) / one).toBeLessThan(0.1);
    clients[0]!.exchange.abort();
    test.clock.advance(100);
    const before = clients[1]!.length;
    const sentBefore = test.network.traffic(SERVER).up;
    test.clock.advance(1000);
    expect(clients[0]!.length).toBe(one);
    expect(Math.abs(clients[1]!.length - before - 6_250_000)).toBeLessThan(100_000);
    expect(Math.abs(test.network.traffic(SERVER).up - sentBefore - 6_250_000)).toBeLessThan(100_000);
    // What was under way at the abort was received all the same, and thrown away.
    expect(test.network.traffic('10.0.1.1').down).toBeGreaterThan(one + 100_000);
  });

  it('stops the server when the client does not read: 1.5 MiB wait for it, and are there at once', () => {
    const test = web(() => ({ body: new Uint8Array(6_000_000) }));
    const got = fetchFrom(test, `${ORIGIN}/x`);
    test.clock.advance(400);
    got.exchange.pause();
    const { length } = got;
    test.clock.advance(60_000);
    expect(got.length).toBe(length);
    expect(got.error).toBeUndefined();
    const held = test.network.traffic(SERVER).up - length;
    expect(Math.abs(held - 1.5 * 1024 * 1024)).toBeLessThan(20_000);
    got.exchange.resume();
    test.clock.advance(1);
    expect(got.length - length).toBeGreaterThan(held - 20_000);
    test.clock.advance(5000);
    expect([got.length, got.error]).toEqual([6_000_000, undefined]);
    expect(got.endAt).toBeDefined();
  });

  it('tells of faults: broken off, silent, nobody there, stopped, offline, cut', () => {
    const answers: Record<string, SimResponse | undefined> = {
      broken: { body: new Uint8Array(50_000), breakAfter: 20_000 },
      headless: { body: new Uint8Array(50_000), breakAfter: -1 },
      silent: { body: new Uint8Array(50_000), silentAfter: 20_000 },
      mute: { silentAfter: -1 },
      nothing: undefined,
      missing: { status: 404 },
    };
    const test = web((request) => answers[request.url.split('/').at(-1)!]);
    const names = Object.keys(answers);
    const got = names.map((name) => fetchFrom(test, `${ORIGIN}/${name}`));
    const nowhere = fetchFrom(test, 'http://no.such.name/');
    const refused = fetchFrom(test, `http://${CLIENT}/`);
    test.clock.advance(40_000);
    expect(got.map(({ status, length }) => `${status} ${length}`)).toEqual([
      '200 20000',
      'undefined 0',
      '200 20000',
      'undefined 0',
      'undefined 0',
      '404 0',
    ]);
    const broken = 'ended the connection before the answer was complete';
    const silent = 'sent nothing for 30 s';
    const expected = [broken, broken, silent, silent, silent, undefined];
    got.forEach(({ error, endAt }, i) => {
      const wanted = expected[i];
      if (wanted === undefined) expect([error, endAt === undefined]).toEqual([undefined, false]);
      else expect([error?.message, endAt]).toEqual([`${ORIGIN}/${names[i]} ${wanted}.`, undefined]);
    });
    expect(nowhere.error?.message).toContain('leads nowhere');
    expect(refused.error?.message).toContain('no web server is there');

    const large = web(() => ({ body: new Uint8Array(30_000_000) }));
    const faults: [string, () => void][] = [
      ['ended the connection', () => large.network.serveHttp(SERVER, ORIGIN, undefined)],
      ['ended the connection', () => void large.network.cut(SERVER)],
      ['sent nothing for 30 s', () => large.network.setOnline(SERVER, false)],
    ];
    for (const [message, fault] of faults) {
      large.network.setOnline(SERVER, true);
      large.network.serveHttp(SERVER, ORIGIN, () => ({ body: new Uint8Array(30_000_000) }));
      const one = fetchFrom(large, `${ORIGIN}/x`);
      large.clock.advance(1000);
      expect(one.length).toBeGreaterThan(100_000);
      fault();
      large.clock.advance(40_000);
      expect(one.error?.message).toContain(message);
    }
  });

  it('follows redirects to other servers, not for ever', () => {
    const test = web((request) =>
      request.url.endsWith('/a') ? { redirect: 'https://10.9.0.2/b' } : { redirect: request.url },
    );
    test.network.setHost('10.9.0.2', {});
    test.network.serveHttp('10.9.0.2', 'https://10.9.0.2', () => ({ body: new Uint8Array(7) }));
    const got = fetchFrom(test, `${ORIGIN}/a`);
    const lost = fetchFrom(test, `${ORIGIN}/loop`);
    test.clock.advance(10_000);
    expect([got.url, got.length, got.error]).toEqual(['https://10.9.0.2/b', 7, undefined]);
    expect(lost.error?.message).toContain('redirects without end');
  });
});

describe('WebSockets', () => {
  const URL = `ws://${SERVER}/announce`;

  function tracker(url = URL) {
    const test = testNetwork();
    test.network.setHost(SERVER, { latencyMs: 20, up: 125_000 });
    test.network.setHost(CLIENT, { latencyMs: 20, up: 125_000 });
    const atServer: string[] = [];
    const sockets: ServerSocket[] = [];
    const serve = (): void =>
      test.network.serveSockets(SERVER, url, (socket, from) => {
        sockets.push(socket);
        atServer.push(`open ${from}`);
        return {
          onMessage: (text) => atServer.push(text),
          onClose: () => atServer.push('close'),
        };
      });
    serve();
    const atClient: string[] = [];
    const times: number[] = [];
    const log = (text: string): void => {
      atClient.push(text);
      times.push(test.clock.now());
    };
    const connect = () =>
      test.network.sockets(CLIENT).connect(url, {
        onOpen: () => log('open'),
        onMessage: log,
        onClose: (reason) => log(`closed: ${reason}`),
      });
    return { ...test, atServer, sockets, atClient, times, connect, serve };
  }

  it('open after two round trips, three with TLS, and carry texts in order over the lines', () => {
    for (const [url, roundTrips] of [
      [URL, 2],
      [URL.replace('ws', 'wss'), 3],
    ] as const) {
      const { clock, network, atServer, sockets, atClient, times, connect } = tracker(url);
      const socket = connect();
      socket.send('too early');
      clock.advance(500);
      expect(atServer).toEqual([`open ${CLIENT}`]);
      expect(atClient).toEqual(['open']);
      // 500 bytes of header lines at 1 Mbit/s there and back: 8 ms.
      expect(times[0]).toBeCloseTo(roundTrips * 80 + 8, 3);
      const start = clock.now();
      const long = 'x'.repeat(100_000);
      socket.send(long);
      socket.send('ä');
      expect(socket.queuedBytes).toBeGreaterThan(100_000);
      for (const text of ['1', '2']) sockets[0]!.send(text);
      clock.advance(1500);
      expect(atServer.slice(1)).toEqual([long, 'ä']);
      expect(atClient.slice(1)).toEqual(['1', '2']);
      expect(times[1]! - start).toBeLessThan(41);
      expect(socket.queuedBytes).toBe(0);
      expect(network.traffic(CLIENT).up).toBe(500 + 100_000 + 2 + 16);
    }
  });

  it('end: closed by either side, server stopped, cut', () => {
    const { clock, network, atServer, sockets, atClient, connect, serve } = tracker();
    connect();
    clock.advance(500);
    const second = connect();
    clock.advance(500);
    second.close();
    sockets[0]!.close('enough');
    clock.advance(500);
    expect(atServer.filter((text) => text === 'close')).toHaveLength(1);
    expect(atClient).toEqual(['open', 'open', 'closed: enough']);
    connect();
    clock.advance(500);
    network.serveSockets(SERVER, URL, undefined);
    clock.advance(500);
    expect(atClient.slice(3)).toEqual(['open', 'closed: The server was stopped.']);
    connect();
    clock.advance(500);
    expect(atClient.at(-1)).toContain('no WebSocket server is there');
    serve();
    connect();
    clock.advance(500);
    expect(network.cut(SERVER)).toBe(1);
    clock.advance(500);
    expect(atClient.at(-1)).toContain('was cut');
    expect(atServer.at(-1)).toBe('close');
    expect(clock.pending).toBe(0);
  });

  it('answer pings by themselves, over the lines, unless the client is gone', () => {
    const { clock, network, atServer, sockets, atClient, connect } = tracker();
    const socket = connect();
    clock.advance(500);
    const pongs: number[] = [];
    const ping = (): void => sockets[0]!.ping?.(() => pongs.push(clock.now()));
    const start = clock.now();
    const { up } = network.traffic(CLIENT);
    sockets[0]!.send('before');
    ping();
    clock.advance(1000);
    expect(pongs).toHaveLength(1);
    expect(pongs[0]! - start).toBeGreaterThan(80);
    expect(pongs[0]! - start).toBeLessThan(82);
    expect(network.traffic(CLIENT).up - up).toBe(8);
    // Neither side's program hears of it.
    expect(atServer).toEqual([`open ${CLIENT}`]);
    expect(atClient).toEqual(['open', 'before']);
    ping();
    socket.close();
    clock.advance(1000);
    ping();
    expect(pongs).toHaveLength(1);
    connect();
    clock.advance(500);
    network.setOnline(CLIENT, false);
    sockets[1]!.ping?.(() => pongs.push(clock.now()));
    clock.advance(100_000);
    expect(pongs).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('are silent when a side is offline, until something was sent for 30 s', () => {
    const { clock, network, atServer, atClient, connect } = tracker();
    const socket = connect();
    clock.advance(500);
    network.setOnline(SERVER, false);
    clock.advance(100_000);
    expect([atClient, atServer]).toEqual([['open'], [`open ${CLIENT}`]]);
    socket.send('hello?');
    connect();
    clock.advance(31_000);
    expect(atClient[1]).toContain('did not answer within 30 s');
    expect(atClient[2]).toContain('no answer for 30 s');
    expect(atServer).toEqual([`open ${CLIENT}`, 'close']);
  });
});
