import { describe, expect, it } from 'vitest';
import { MemoryHttp, rangeResponse, VirtualClock } from '../../memory/index.ts';
import type { HttpClient, HttpExchange } from '../ports.ts';
import { OriginLimits, originOf } from './origin-limits.ts';
import { Harness, type HarnessOptions, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('originOf', () => {
  it.each([
    ['http://Seed.Example/a/b?c', 'http://seed.example'],
    ['HTTPS://h:443/', 'https://h'],
    ['https://h:80', 'https://h:80'],
    ['http://h:80/x', 'http://h'],
    ['http://user:word@h:8080/x@y', 'http://h:8080'],
    ['http://[::1]:81/x', 'http://[::1]:81'],
    ['nonsense', 'nonsense'],
  ])('%s: %s', (url, origin) => expect(originOf(url)).toBe(origin));
});

describe('OriginLimits', () => {
  it('keeps the last connection for what somebody waits for', () => {
    const limits = new OriginLimits(new VirtualClock(), 2);
    expect([limits.hasRoom('a', false), limits.hasRoom('a', true)]).toEqual([true, true]);
    limits.open('a');
    expect([limits.hasRoom('a', false), limits.hasRoom('a', true)]).toEqual([false, true]);
    limits.open('a');
    expect(limits.hasRoom('a', true)).toBe(false);
    expect(limits.hasRoom('b', false)).toBe(true);
    limits.closed('a');
    limits.closed('a');
    expect(limits.hasRoom('a', false)).toBe(true);
    const one = new OriginLimits(new VirtualClock(), 1);
    expect(one.hasRoom('a', false)).toBe(true);
  });

  it('calls those who wait in their order, the urgent first, each until there is no room', async () => {
    const clock = new VirtualClock();
    const limits = new OriginLimits(clock, 2);
    limits.open('a');
    limits.open('a');
    const called: string[] = [];
    const takes = (name: string) => (): void => {
      called.push(name);
      limits.open('a');
    };
    const passes = (): void => void called.push('passes');
    const gone = takes('gone');
    limits.wait('a', false, gone);
    limits.wait('a', false, passes);
    limits.wait('a', false, takes('first'));
    limits.wait('a', false, takes('second'));
    limits.wait('a', true, takes('urgent'));
    limits.forget('a', gone);
    limits.closed('a');
    expect(called).toEqual([]);
    await clock.advanceAsync(0);
    expect(called).toEqual(['urgent']);
    limits.closed('a');
    limits.closed('a');
    await clock.advanceAsync(0);
    expect(called).toEqual(['urgent', 'passes', 'first']);
    limits.closed('a');
    await clock.advanceAsync(0);
    expect(called.at(-1)).toBe('second');
    limits.closed('a');
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer when those who waited are gone', () => {
    const clock = new VirtualClock();
    const limits = new OriginLimits(clock, 1);
    const listener = (): void => {};
    limits.open('a');
    limits.wait('a', false, listener);
    limits.closed('a');
    expect(clock.pending).toBe(1);
    limits.forget('a', listener);
    expect(clock.pending).toBe(0);
  });

  it('remembers how long a server wants to be left alone', () => {
    const limits = new OriginLimits(new VirtualClock(), 1);
    expect(limits.deferredUntil('a')).toBe(0);
    limits.defer('a', 5000);
    limits.defer('a', 3000);
    expect(limits.deferredUntil('a')).toBe(5000);
  });
});

/** Several torrents of one client, from one server. */
class Site {
  readonly clock = new VirtualClock();
  readonly http: MemoryHttp;
  readonly origins: OriginLimits;
  readonly torrents: Harness[] = [];
  open = 0;
  most = 0;

  constructor(max: number, count: number, options: HarnessOptions = {}) {
    this.http = new MemoryHttp(this.clock, { bytesPerSecond: MIB, latencyMs: 20 });
    this.origins = new OriginLimits(this.clock, max);
    this.#count();
    for (let i = 0; i < count; i++) {
      const torrent = makeTorrent(2 * MIB + i, 128 * KIB, `film${i}`);
      const shared = { clock: this.clock, http: this.http, origins: this.origins };
      const h = new Harness(torrent, { ...options, shared });
      h.serveAll(`http://site.example/film${i}`);
      h.seeds.add(`http://site.example/film${i}`);
      this.torrents.push(h);
    }
  }

  /** Counts the exchanges under way. */
  #count(): void {
    const get = this.http.get.bind(this.http);
    const counted: HttpClient['get'] = (request, handler) => {
      this.most = Math.max(this.most, ++this.open);
      let over = false;
      const end = (): void => {
        if (!over) this.open--;
        over = true;
      };
      const exchange = get(request, {
        ...handler,
        onHead: (head) => handler.onHead(head),
        onData: (chunk) => handler.onData(chunk),
        onEnd: () => {
          end();
          handler.onEnd();
        },
        onError: (error) => {
          end();
          handler.onError(error);
        },
      });
      return {
        pause: () => exchange.pause(),
        resume: () => exchange.resume(),
        abort: () => {
          end();
          exchange.abort();
        },
      } satisfies HttpExchange;
    };
    this.http.get = counted;
  }
}

describe('several torrents from one server', () => {
  it('share its connections, and all come to their end without being told', async () => {
    const site = new Site(3, 6);
    for (const h of site.torrents) h.seeds.start();
    expect(site.open).toBe(2);
    await site.clock.advanceAsync(60_000);
    for (const h of site.torrents) expect(await h.isStored()).toBe(true);
    expect(site.most).toBeLessThanOrEqual(3);
    for (const h of site.torrents) h.seeds.stop();
    expect(site.clock.pending).toBe(0);
  });

  it('do not keep a viewer waiting', async () => {
    const site = new Site(3, 6);
    for (const h of site.torrents.slice(0, 5)) h.seeds.start();
    const viewer = site.torrents[5]!;
    await site.clock.advanceAsync(100);
    viewer.streaming = true;
    viewer.urgent = [{ piece: 7, deadline: site.clock.now() + 500 }];
    viewer.seeds.start();
    await site.clock.advanceAsync(400);
    expect(viewer.verified).toContain(7);
    expect(site.most).toBeLessThanOrEqual(3);
    for (const h of site.torrents) h.seeds.stop();
    expect(site.clock.pending).toBe(0);
  });

  it.each([
    ['seconds', '30'],
    ['a date', 'Thu, 01 Jan 1970 00:00:30 GMT'],
  ])('leave it alone together when it asks for time in %s', async (_name, value) => {
    const site = new Site(5, 2);
    const [first, second] = site.torrents as [Harness, Harness];
    const start = site.clock.wallTime();
    const header = value === '30' ? value : new Date(start + 30_000).toUTCString();
    let busy = true;
    site.http.route('http://site.example/film0', (request) =>
      busy
        ? { status: 429, headers: { 'retry-after': header } }
        : rangeResponse(first.torrent.content, request),
    );
    first.seeds.start();
    await site.clock.advanceAsync(200);
    second.seeds.start();
    busy = false;
    await site.clock.advanceAsync(28_000);
    expect(site.http.requests).toHaveLength(1);
    expect(second.seeds.status()[0]?.state).toBe('waiting');
    await site.clock.advanceAsync(20_000);
    expect(await first.isStored()).toBe(true);
    expect(await second.isStored()).toBe(true);
    for (const h of site.torrents) h.seeds.stop();
    expect(site.clock.pending).toBe(0);
  });
});
