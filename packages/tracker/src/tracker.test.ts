import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import { type BencodeDict, type BencodeValue, decode } from 'freshet/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HASH, id, type Json, OTHER_HASH, offerId, offers } from '../testing/fake-connection.ts';
import { TrackerError } from './errors.ts';
import { createTracker, type Tracker, type TrackerAddress, type TrackerOptions } from './tracker.ts';

const open: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(
  options: TrackerOptions = {},
): Promise<{ tracker: Tracker; address: TrackerAddress; base: string; errors: Error[] }> {
  const errors: Error[] = [];
  const tracker = createTracker({
    host: '127.0.0.1',
    port: 0,
    onError: (error) => errors.push(error),
    ...options,
  });
  open.push(tracker);
  const address = await tracker.listen();
  return { tracker, address, base: `http://127.0.0.1:${address.port}`, errors };
}

/** Percent-encodes a binary string byte by byte, as trackers are asked. */
function percent(binary: string): string {
  return [...Buffer.from(binary, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function announceUrl(base: string, fields: Record<string, string | number> = {}): string {
  const all = { info_hash: percent(HASH), peer_id: percent(id('a')), port: 6881, left: 5, ...fields };
  return `${base}/announce?${Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join('&')}`;
}

async function get(url: string, headers: Record<string, string> = {}): Promise<BencodeDict> {
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  return decode(new Uint8Array(await response.arrayBuffer())) as BencodeDict;
}

function text(value: BencodeValue | undefined): string {
  return Buffer.from(value as Uint8Array).toString('utf8');
}

function hex(value: BencodeValue | undefined): string {
  return Buffer.from(value as Uint8Array).toString('hex');
}

class Client {
  readonly socket: WebSocket;
  readonly messages: Json[] = [];
  readonly closed: Promise<number>;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.on('message', (data) => this.messages.push(JSON.parse(String(data)) as Json));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.on('close', resolve));
    open.push({ close: () => this.socket.terminate() });
  }

  static async open(url: string): Promise<Client> {
    const client = new Client(url);
    await new Promise((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  announce(peerId: string, fields: Json = {}): void {
    this.send({ action: 'announce', info_hash: HASH, peer_id: peerId, left: 5, numwant: 5, ...fields });
  }

  async next(): Promise<Json> {
    await expect.poll(() => this.messages.length, { timeout: 5_000, interval: 5 }).toBeGreaterThan(0);
    return this.messages.shift() as Json;
  }
}

describe('HTTP announce', () => {
  it('registers the source address and returns others in compact form', async () => {
    const { base, tracker } = await start({ interval: 300 });
    const first = await get(announceUrl(base, { event: 'started', ip: '6.6.6.6' }));
    expect(Object.fromEntries(first)).toMatchObject({ interval: 300, complete: 0, incomplete: 1 });
    expect(hex(first.get('peers'))).toBe('');
    const second = await get(announceUrl(base, { port: 6882, left: 0, peer_id: percent(id('b')) }));
    expect(Object.fromEntries(second)).toMatchObject({ complete: 1, incomplete: 1 });
    expect(hex(second.get('peers'))).toBe('7f0000011ae1');
    expect(tracker.stats()).toMatchObject({
      address: { swarms: 1, peers: 2, seeds: 1 },
      webrtc: { peers: 0 },
    });
  });

  it('returns dictionaries for compact=0, with peer ids that are not text', async () => {
    const { base } = await start();
    const odd = `\u00ff\u0000${id('').slice(2)}`;
    await get(announceUrl(base, { peer_id: percent(odd), compact: 1 }));
    const reply = await get(announceUrl(base, { port: 6882, compact: 0 }));
    const [peer] = reply.get('peers') as BencodeDict[];
    expect(text(peer?.get('ip'))).toBe('127.0.0.1');
    expect(peer?.get('port')).toBe(6881);
    expect(Buffer.from(peer?.get('peer id') as Uint8Array).toString('latin1')).toBe(odd);
  });

  it('puts IPv6 peers into peers6', async () => {
    const { base, address, tracker } = await start({ host: '::' });
    await get(announceUrl(`http://[::1]:${address.port}`));
    const reply = await get(announceUrl(base, { port: 6882 }));
    expect(hex(reply.get('peers'))).toBe('');
    expect(hex(reply.get('peers6'))).toBe(`${'00'.repeat(15)}011ae1`);
    // An IPv4 peer on a dual-stack socket is an IPv4 peer.
    const back = await get(announceUrl(`http://[::1]:${address.port}`));
    expect(hex(back.get('peers'))).toBe('7f0000011ae2');
    expect(tracker.stats().address.peers).toBe(2);
  });

  it('follows events, and keeps the state of an update without left', async () => {
    const { base } = await start();
    const steps: [Record<string, string | number>, object][] = [
      [
        { event: 'started', left: 7 },
        { complete: 0, incomplete: 1 },
      ],
      [
        { event: 'completed', left: 0 },
        { complete: 1, incomplete: 0 },
      ],
      [
        { event: '', left: '' },
        { complete: 1, incomplete: 0 },
      ],
      [
        { event: 'stopped', left: 0 },
        { complete: 0, incomplete: 0 },
      ],
    ];
    for (const [fields, counts] of steps) {
      expect(Object.fromEntries(await get(announceUrl(base, fields)))).toMatchObject(counts);
    }
  });

  it('gives numwant peers, none for 0, and no seed to a seed', async () => {
    const { base } = await start();
    for (let port = 1; port <= 60; port++) await get(announceUrl(base, { port, left: port % 2 }));
    const peersFor = async (fields: Record<string, string | number>): Promise<number> =>
      ((await get(announceUrl(base, { port: 7000, ...fields }))).get('peers') as Uint8Array).length / 6;
    expect(await peersFor({})).toBe(50);
    expect(await peersFor({ numwant: 3 })).toBe(3);
    expect(await peersFor({ numwant: 0 })).toBe(0);
    expect(await peersFor({ numwant: 1000 })).toBe(60);
    expect(await peersFor({ left: 0, numwant: 1000 })).toBe(30);
  });

  it.each([
    ['port 0', { port: 0 }],
    ['a port above 65535', { port: 65536 }],
    ['a port that is no number', { port: 'x' }],
    ['a short info_hash', { info_hash: 'abc' }],
    ['a short peer_id', { peer_id: 'abc' }],
    ['an info_hash in hexadecimal', { info_hash: 'a'.repeat(40) }],
    ['broken percent signs', { info_hash: '%zz%' }],
  ])('answers %s with a failure and status 200', async (_name, fields) => {
    const { base, tracker, errors } = await start();
    const reply = await get(announceUrl(base, fields));
    expect(text(reply.get('failure reason'))).not.toBe('');
    expect(tracker.stats()).toMatchObject({ peers: 0, totals: { failures: 1 } });
    expect(errors).toEqual([]);
  });

  it('asks the filter, which may take its time', async () => {
    const { base } = await start({
      filter: async (infoHash) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return infoHash === Buffer.from(HASH, 'latin1').toString('hex') ? true : { refused: 'not listed' };
      },
    });
    expect((await get(announceUrl(base))).get('incomplete')).toBe(1);
    const reply = await get(announceUrl(base, { info_hash: percent(OTHER_HASH) }));
    expect(text(reply.get('failure reason'))).toBe('not listed');
  });

  it('believes X-Forwarded-For only behind a trusted proxy', async () => {
    const spoofed = { 'x-forwarded-for': '6.6.6.6, 192.0.2.7' };
    const plain = await start();
    await get(announceUrl(plain.base), spoofed);
    expect(hex((await get(announceUrl(plain.base, { port: 2 }))).get('peers'))).toBe('7f0000011ae1');
    const proxied = await start({ trustProxy: true });
    await get(announceUrl(proxied.base), spoofed);
    expect(hex((await get(announceUrl(proxied.base, { port: 2 }))).get('peers'))).toBe('c00002071ae1');
  });

  it('never mixes address peers with WebRTC peers', async () => {
    const { base, address, tracker } = await start();
    const browser = await Client.open(address.wsUrl);
    browser.announce(id('browser'), { left: 0 });
    expect(await browser.next()).toMatchObject({ complete: 1 });
    const reply = await get(announceUrl(base));
    expect(Object.fromEntries(reply)).toMatchObject({ complete: 0, incomplete: 1 });
    expect(hex(reply.get('peers'))).toBe('');
    browser.announce(id('browser'), { offers: offers(3) });
    expect(await browser.next()).toMatchObject({ complete: 0, incomplete: 1 });
    expect(tracker.stats()).toMatchObject({ swarms: 2, peers: 2, totals: { offers: 0 } });
  });
});

describe('HTTP scrape', () => {
  it('answers for several hashes, known or not', async () => {
    const { base } = await start();
    await get(announceUrl(base));
    await get(announceUrl(base, { event: 'completed', left: 0 }));
    const reply = await get(`${base}/scrape?info_hash=${percent(HASH)}&info_hash=${percent(OTHER_HASH)}`);
    const files = [...(reply.get('files') as BencodeDict)].map(([key, value]) => [
      key,
      Object.fromEntries(value as BencodeDict),
    ]);
    expect(files).toHaveLength(2);
    expect(files.map(([, counts]) => counts)).toEqual(
      expect.arrayContaining([
        { complete: 1, incomplete: 0, downloaded: 1 },
        { complete: 0, incomplete: 0, downloaded: 0 },
      ]),
    );
  });

  it('counts partial seeds as incomplete, for as long as they say so (BEP 21)', async () => {
    const { base } = await start();
    const scrape = async (): Promise<unknown> => {
      const reply = await get(`${base}/scrape?info_hash=${percent(HASH)}`);
      return [...(reply.get('files') as BencodeDict).values()].map((counts) =>
        Object.fromEntries(counts as BencodeDict),
      );
    };
    const paused = await get(announceUrl(base, { event: 'paused', left: 1000 }));
    expect(paused.has('failure reason')).toBe(false);
    expect(paused.get('incomplete')).toBe(1);
    // It says so in every announce.
    await get(announceUrl(base, { event: 'paused', left: 1000 }));
    expect(await scrape()).toEqual([{ complete: 0, incomplete: 1, downloaded: 0 }]);
    await get(announceUrl(base, { event: 'completed', left: 0 }));
    expect(await scrape()).toEqual([{ complete: 1, incomplete: 0, downloaded: 1 }]);
  });

  it('of everything is refused by default', async () => {
    const { base } = await start();
    expect(text((await get(`${base}/scrape`)).get('failure reason'))).toContain('info_hash');
    const allowing = await start({ fullScrape: true });
    await get(announceUrl(allowing.base));
    expect(((await get(`${allowing.base}/scrape`)).get('files') as BencodeDict).size).toBe(1);
  });
});

describe('Other requests', () => {
  it('shows stats to people and programs, and is healthy', async () => {
    const { base, address } = await start();
    const client = await Client.open(address.wsUrl);
    client.announce(id('a'), { left: 0 });
    await client.next();
    const page = await fetch(`${base}/stats`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toMatch(
      /<th scope="row">WebRTC<\/th><td>1<\/td><td>1<\/td><td>1<\/td><td>0<\/td>/,
    );
    const stats: unknown = await (await fetch(`${base}/stats.json`)).json();
    expect(stats).toMatchObject({
      swarms: 1,
      peers: 1,
      seeds: 1,
      connections: 1,
      webrtc: { peers: 1 },
      totals: { announces: 1, messagesIn: 1, messagesOut: 1 },
    });
    client.announce(id('b'));
    await client.next();
    // The answer is a second old at most, and costs nothing meanwhile.
    expect(await (await fetch(`${base}/stats.json`)).json()).toEqual(stats);
    expect(await (await fetch(`${base}/health`)).text()).toBe('ok\n');
  });

  it('says what is here on other paths, and refuses other methods', async () => {
    const { base } = await start();
    const missing = await fetch(`${base}/nowhere`);
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('/announce');
    expect((await fetch(`${base}/announce`, { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await fetch(`${base}/health`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('WebSocket', () => {
  it('introduces two peers to each other, on any path, in text or binary frames', async () => {
    const { address, tracker } = await start();
    const seed = await Client.open(`${address.wsUrl}/announce?token=1`);
    seed.announce(id('seed'), { left: 0 });
    expect(await seed.next()).toMatchObject({
      action: 'announce',
      info_hash: HASH,
      interval: 120,
      complete: 1,
    });
    const leech = await Client.open(address.wsUrl);
    leech.socket.send(
      Buffer.from(
        JSON.stringify({
          action: 'announce',
          info_hash: HASH,
          peer_id: id('leech'),
          numwant: 1,
          offers: offers(1),
        }),
      ),
    );
    expect(await leech.next()).toMatchObject({ complete: 1, incomplete: 1 });
    const offer = await seed.next();
    expect(offer).toEqual({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('leech'),
      offer_id: offerId(0),
      offer: { type: 'offer', sdp: 'sdp 0' },
    });
    seed.send({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('seed'),
      to_peer_id: id('leech'),
      offer_id: offer['offer_id'],
      answer: { type: 'answer', sdp: 'fine' },
    });
    expect(await leech.next()).toEqual({
      action: 'announce',
      info_hash: HASH,
      peer_id: id('seed'),
      offer_id: offerId(0),
      answer: { type: 'answer', sdp: 'fine' },
    });
    seed.socket.close();
    await expect.poll(() => tracker.stats()).toMatchObject({ connections: 1, peers: 1, seeds: 0 });
    leech.socket.terminate();
    await expect.poll(() => tracker.stats()).toMatchObject({ connections: 0, peers: 0, swarms: 0 });
  });

  it('lets a peer come back on a new connection before the old one is known to be dead', async () => {
    const { address, tracker } = await start();
    const stale = await Client.open(address.wsUrl);
    stale.announce(id('a'), { left: 0 });
    await stale.next();
    const fresh = await Client.open(address.wsUrl);
    fresh.announce(id('a'), { left: null });
    expect(await fresh.next()).toMatchObject({ complete: 1, incomplete: 0 });
    stale.socket.terminate();
    await expect.poll(() => tracker.stats().connections).toBe(1);
    expect(tracker.stats()).toMatchObject({ peers: 1, seeds: 1 });
    const other = await Client.open(address.wsUrl);
    other.announce(id('b'), { offers: offers(1) });
    expect(await fresh.next()).toMatchObject({ peer_id: id('b'), offer_id: offerId(0) });
  });

  it('serves a seeder of many torrents while a slow filter is asked about each', async () => {
    const { address, tracker } = await start({
      filter: () => new Promise((resolve) => setImmediate(() => resolve(true))),
    });
    const seeder = await Client.open(address.wsUrl);
    const count = 1_000;
    for (let i = 0; i < count; i++) {
      seeder.announce(id('seeder'), { info_hash: `${i}`.padStart(20, 'h'), left: 0, pad: 'x'.repeat(1_000) });
    }
    await expect.poll(() => seeder.messages.length, { timeout: 10_000 }).toBe(count);
    expect(seeder.messages.map((message) => message['info_hash'])).toEqual(
      Array.from({ length: count }, (_, i) => `${i}`.padStart(20, 'h')),
    );
    expect(tracker.stats()).toMatchObject({ swarms: count, seeds: count, connections: 1 });
  });

  it('refuses messages that are too long before reading them whole', async () => {
    const { address, tracker } = await start();
    const client = await Client.open(address.wsUrl);
    client.socket.send('x'.repeat(64 * 1024 + 1));
    expect(await client.closed).toBe(1009);
    expect(tracker.stats().totals.messagesIn).toBe(0);
    const other = await Client.open(address.wsUrl);
    other.announce(id('a'), { pad: 'x'.repeat(63 * 1024) });
    expect(await other.next()).toMatchObject({ incomplete: 1 });
  });

  it('drops a connection that does not read', async () => {
    const warnings: string[] = [];
    const { address, tracker } = await start({
      maxBuffered: 64 * 1024,
      onWarning: (message) => warnings.push(message),
    });
    const deaf = await Client.open(address.wsUrl);
    deaf.announce(id('deaf'));
    await deaf.next();
    deaf.socket.pause();
    const loud = await Client.open(address.wsUrl);
    const sdp = 'x'.repeat(50_000);
    for (let i = 0; i < 1_500 && tracker.stats().connections === 2; i++) {
      loud.announce(id('loud'), { offers: [{ offer: { type: 'offer', sdp }, offer_id: offerId(i) }] });
      await loud.next();
    }
    expect(warnings.join()).toContain('does not read');
    await expect.poll(() => tracker.stats().peers).toBe(1);
  });

  it('pings, and drops who does not answer', async () => {
    const { address, tracker } = await start({ pingInterval: 0.5 });
    const alive = await Client.open(address.wsUrl);
    alive.announce(id('alive'));
    const pinged = new Promise((resolve) => alive.socket.once('ping', resolve));
    // A client that has done its handshake and then never says anything again, not even a pong.
    const silent = connectTcp(address.port, '127.0.0.1');
    open.push({ close: () => void silent.destroy() });
    silent.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    silent.resume();
    const dropped = new Promise((resolve) => silent.once('close', resolve));
    await pinged;
    await expect.poll(() => tracker.stats().totals.connections).toBe(2);
    await dropped;
    await expect.poll(() => tracker.stats()).toMatchObject({ connections: 1, peers: 1 });
  });

  it('closes a connection that joins nothing', async () => {
    const { address } = await start({ pingInterval: 0.5, idleTimeout: 0.5 });
    const idle = await Client.open(address.wsUrl);
    const member = await Client.open(address.wsUrl);
    member.announce(id('a'));
    expect(await idle.closed).toBe(1000);
    expect(member.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('takes no more connections than it may', async () => {
    const { address } = await start({ maxConnections: 1 });
    await Client.open(address.wsUrl);
    await expect(Client.open(address.wsUrl)).rejects.toThrow('503');
  });

  it('survives whatever frames come in', async () => {
    const { address, tracker, errors } = await start();
    const witness = await Client.open(address.wsUrl);
    witness.announce(id('witness'));
    await witness.next();
    const frame = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array(),
      fc.constantFrom('null', '[]', '{"action":"scrape","info_hash":"12345678901234567890","offers":[]}'),
      fc.jsonValue().map((odd) =>
        JSON.stringify({
          action: 'announce',
          info_hash: HASH,
          peer_id: id('odd'),
          offers: [odd, null],
          numwant: odd,
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 10 }), async (frames) => {
        const client = await Client.open(address.wsUrl);
        for (const one of frames) client.socket.send(one);
        client.send({ action: 'scrape', info_hash: HASH });
        await expect
          .poll(() => client.messages.some((message) => 'files' in message), { interval: 2, timeout: 5_000 })
          .toBe(true);
        client.socket.terminate();
      }),
      { numRuns: 100 },
    );
    await expect.poll(() => tracker.stats()).toMatchObject({ connections: 1, peers: 1 });
    expect(errors).toEqual([]);
  });

  it('survives rubbish below the protocol', async () => {
    const { address, base } = await start();
    const handshake =
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
    const inputs: (string | Buffer)[][] = [
      ['rubbish\r\n\r\n'],
      [handshake.replace('13', '99')],
      [handshake.replace('dGhlIHNhbXBsZSBub25jZQ==', 'x')],
      [handshake, Buffer.from([0x81, 0x05, 1, 2, 3, 4, 5])],
      [handshake, Buffer.from([0xff, 0xff, 0xff, 0xff])],
      [handshake, Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ];
    for (const parts of inputs) {
      const socket = connectTcp(address.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      const ended = new Promise((resolve) => socket.once('close', resolve));
      for (const part of parts) socket.write(part);
      await ended;
    }
    expect(await (await fetch(`${base}/health`)).text()).toBe('ok\n');
  });
});

describe('Life of a tracker', () => {
  it('says in one sentence that a port is taken', async () => {
    const { address } = await start();
    const second = createTracker({ host: '127.0.0.1', port: address.port });
    open.push(second);
    const error: unknown = await second.listen().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TrackerError);
    expect(error).toMatchObject({ code: 'ERR_PORT_IN_USE' });
    expect((error as Error).message).toContain(`port ${address.port} on 127.0.0.1`);
    expect((error as Error).message).toMatch(/another program uses it.*choose another port/);
  });

  it('says so when the machine has no such address', async () => {
    const tracker = createTracker({ host: '192.0.2.1', port: 0 });
    open.push(tracker);
    await expect(tracker.listen()).rejects.toMatchObject({ code: 'ERR_ADDRESS_NOT_AVAILABLE' });
  });

  it('closes connections as going away, frees the port, and can be closed twice', async () => {
    const { tracker, address, base } = await start();
    const client = await Client.open(address.wsUrl);
    client.announce(id('a'));
    await client.next();
    // A kept-alive connection must not hold the server open.
    await get(announceUrl(base));
    await Promise.all([tracker.close(), tracker.close()]);
    expect(await client.closed).toBe(1001);
    await expect(fetch(`${base}/health`)).rejects.toThrow();
    await expect(tracker.listen()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    const again = createTracker({ host: '127.0.0.1', port: address.port });
    open.push(again);
    expect((await again.listen()).port).toBe(address.port);
  });

  it('closes even if a client never answers the goodbye', async () => {
    const { tracker, address } = await start();
    const client = await Client.open(address.wsUrl);
    client.socket.pause();
    await expect.poll(() => tracker.stats().connections).toBe(1);
    await tracker.close();
    expect(tracker.stats().connections).toBe(0);
  });

  it('does not listen after all when it is closed meanwhile', async () => {
    const tracker = createTracker({ host: '127.0.0.1', port: 0 });
    const listening = tracker.listen();
    await Promise.all([tracker.close(), expect(listening).rejects.toMatchObject({ code: 'ERR_CLOSED' })]);
  });

  it('lives inside another server beside its paths and its own WebSockets', async () => {
    const tracker = createTracker();
    open.push(tracker);
    const server: Server = createServer((request, response) => {
      if (!tracker.handleRequest(request, response)) response.end('the site');
    });
    server.on('upgrade', (request, socket) => {
      if (request.url === '/site') socket.end('HTTP/1.1 418 Site\r\nContent-Length: 0\r\n\r\n');
    });
    tracker.attach(server, { accepts: (request) => request.url !== '/site' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({
      close: () => {
        server.closeAllConnections();
        return new Promise<void>((resolve) => server.close(() => resolve()));
      },
    });
    const { port } = server.address() as AddressInfo;
    const base = `http://127.0.0.1:${port}`;
    expect(await (await fetch(`${base}/`)).text()).toBe('the site');
    expect((await get(announceUrl(base))).get('incomplete')).toBe(1);
    const client = await Client.open(`ws://127.0.0.1:${port}/`);
    client.announce(id('a'));
    expect(await client.next()).toMatchObject({ incomplete: 1 });
    await expect(Client.open(`ws://127.0.0.1:${port}/site`)).rejects.toThrow('418');
    await tracker.close();
    expect(await client.closed).toBe(1001);
    expect(await (await fetch(`${base}/`)).text()).toBe('the site');
  });

  it('serves only what it is asked to', async () => {
    const noHttp = await start({ http: false });
    expect((await fetch(announceUrl(noHttp.base))).status).toBe(404);
    expect((await fetch(`${noHttp.base}/health`)).status).toBe(200);
    const noWs = await start({ ws: false });
    await expect(Client.open(noWs.address.wsUrl)).rejects.toThrow('404');
    expect((await get(announceUrl(noWs.base))).get('incomplete')).toBe(1);
  });

  it.each([
    [{ interval: 0 }],
    [{ interval: 1.5 }],
    [{ maxSwarms: -1 }],
    [{ maxMessage: 0 }],
    [{ pingInterval: Number.NaN }],
    [{ trustProxy: ['proxy'] }],
  ])('refuses options that make no sense: %j', (options) => {
    expect(() => createTracker(options)).toThrow(/interval|max|ping|trustProxy/);
  });

  it('never answers a raw query with anything but 200 and a dictionary', async () => {
    const { address, errors } = await start();
    const query = fc.oneof(
      fc.string(),
      fc.webQueryParameters(),
      fc
        .array(
          fc.tuple(fc.constantFrom('info_hash', 'peer_id', 'port', 'left', 'numwant', 'event'), fc.string()),
        )
        .map((pairs) => pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&')),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('/announce', '/scrape'), query, async (path, odd) => {
        // Node's client refuses characters that cannot stand in a request line, so they are taken out.
        const clean = [...odd].filter((char) => char > ' ' && char < '\u007f').join('');
        const body = await new Promise<Buffer>((resolve, reject) => {
          const request = httpRequest(
            { host: '127.0.0.1', port: address.port, path: `${path}?${clean}` },
            (response) => {
              const parts: Buffer[] = [];
              response.on('data', (part: Buffer) => parts.push(part));
              response.on('end', () => resolve(Buffer.concat(parts)));
              if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
            },
          );
          request.on('error', reject);
          request.end();
        });
        expect(decode(new Uint8Array(body))).toBeInstanceOf(Map);
      }),
      { numRuns: 150 },
    );
    expect(errors).toEqual([]);
  });
});
