import { describe, expect, it } from 'vitest';
import { MemorySwarm, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { type MemoryHttpResponse, rangeResponse } from '../../memory/index.ts';
import type { HttpClient } from '../ports.ts';
import { Harness, type HarnessOptions, makeTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const FAST = 'http://fast.example/film';
const SLOW = 'http://slow.example/film';

/** Two servers of the same film, the second of which is as slow as told: by its bytes a second, or silent after so many. */
function servers(
  slow: { bytesPerSecond?: number; silentAfter?: number },
  options: HarnessOptions = {},
): Harness {
  const h = new Harness(makeTorrent(8 * MIB, 256 * KIB), {
    bytesPerSecond: 4 * MIB,
    latencyMs: 20,
    ...options,
  });
  h.http.serve(FAST, h.torrent.content);
  h.http.route(SLOW, (request) => ({
    ...rangeResponse(h.torrent.content, request),
    silentAfter: slow.silentAfter,
    bytesPerSecond: slow.bytesPerSecond,
  }));
  return h;
}

/** Milliseconds until all is there. */
async function time(h: Harness, limit: number): Promise<number> {
  const start = h.clock.now();
  let done = start;
  h.seeds.start();
  while (!h.store.verified.isFull && h.clock.now() < start + limit) {
    await h.clock.advanceAsync(100);
    if (h.clock.now() % 1000 < 100) h.seeds.update();
    done = h.clock.now();
  }
  return done - start;
}

describe('slow servers', () => {
  it('do not hold up what a faster one could have brought', async () => {
    const alone = servers({});
    alone.seeds.add(FAST);
    const fastest = await time(alone, 60_000);
    const h = servers({ bytesPerSecond: 30 * KIB }, { chunkBytes: 4 * KIB });
    h.seeds.add(SLOW);
    h.seeds.add(FAST);
    expect(await time(h, 60_000)).toBeLessThan(fastest + 2500);
    expect(await h.isStored()).toBe(true);
    expect(h.warnings).toEqual([]);
  });

  it('are the source when there is no other', async () => {
    const h = servers({ bytesPerSecond: 200 * KIB });
    h.seeds.add(SLOW);
    expect(await time(h, 120_000)).toBeLessThan(60_000);
    expect(await h.isStored()).toBe(true);
    expect(h.wasted).toBe(0);
  });

  it('are helped out when somebody waits for what they owe', async () => {
    const h = servers({ bytesPerSecond: 10 * KIB }, { chunkBytes: KIB });
    h.seeds.add(SLOW);
    h.streaming = true;
    h.urgent = [{ piece: 3, deadline: 2500 }];
    h.seeds.start();
    await h.clock.advanceAsync(1000);
    h.seeds.add(FAST);
    await h.run(1500);
    expect(h.verified).toContain(3);
    // Most of it came from the other one, and hardly a block from both.
    expect(h.seeds.status()[1]!.downloaded).toBeGreaterThan(200 * KIB);
    expect(h.wasted).toBeLessThan(2 * 16 * KIB);
  });
});

describe('servers that fall silent', () => {
  it.each([
    ['before their head', -1],
    ['in the middle', 100_000],
  ])('%s are left to others in time, and nothing of theirs is lost', async (_name, silentAfter) => {
    const h = servers({ silentAfter });
    h.seeds.add(SLOW);
    h.seeds.add(FAST);
    expect(await time(h, 60_000)).toBeLessThan(7000);
    expect(await h.isStored()).toBe(true);
  });

  it('are left to others also where nobody tells that time passes: no peer is there and nobody watches', async () => {
    const h = servers({ silentAfter: 100_000 });
    h.seeds.add(SLOW);
    h.seeds.add(FAST);
    h.seeds.start();
    await h.clock.advanceAsync(10_000);
    expect(await h.isStored()).toBe(true);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });

  it('are asked again when nobody else is there, with one warning', async () => {
    const h = servers({});
    let silent = true;
    h.http.route(SLOW, (request) => ({
      ...rangeResponse(h.torrent.content, request),
      silentAfter: silent ? 100_000 : undefined,
    }));
    h.seeds.add(SLOW);
    h.seeds.start();
    await h.run(31_000);
    expect(h.warnings).toHaveLength(1);
    expect(h.received).toBe(100_000 - (100_000 % 16384));
    silent = false;
    await h.run(20_000);
    expect(await h.isStored()).toBe(true);
    h.seeds.stop();
    expect(h.clock.pending).toBe(0);
  });
});

describe('requests to web seeds', () => {
  it('carry one range and nothing else that a page would need leave for', async () => {
    const h = servers({});
    const kinds = new Set<string>();
    const get: HttpClient['get'] = h.http.get.bind(h.http);
    h.http.get = (request, handler) => {
      kinds.add(Object.keys(request).sort().join());
      return get(request, handler);
    };
    h.seeds.add(FAST);
    await time(h, 60_000);
    expect([...kinds]).toEqual(['range,url']);
  });
});

describe('in a client with little memory', () => {
  /** A torrent of two files with a web seed that does as it should, and one that answers as told. */
  async function download(order: readonly string[], answer: Partial<MemoryHttpResponse> | 'whole') {
    const files = [
      { path: ['a'], length: 70_000 },
      { path: ['b'], length: 33_000 },
    ];
    const sample = await sampleTorrent(0, 32 * KIB, { files, version: 2 });
    const swarm = new MemorySwarm(sample);
    const content = (url: string): Uint8Array => {
      const { offset, length } = sample.info.files.find((file) => url.endsWith(`/${file.name}`))!;
      return sample.content.subarray(offset, offset + length);
    };
    swarm.http.route('http://good.example/*', (request) => rangeResponse(content(request.url), request));
    swarm.http.route('http://odd.example/*', (request) =>
      answer === 'whole'
        ? { body: content(request.url) }
        : { ...rangeResponse(content(request.url), request), ...answer },
    );
    const webSeeds = order.map((name) => `http://${name}.example/`);
    const member = await swarm.add({ engine: { bufferBudget: 128 * KIB }, spec: { webSeeds } });
    await swarm.until(() => member.torrent.done, 15_000);
    expect(await swarm.hasContent(member)).toBe(true);
    await swarm.close();
    return member.torrent.stats();
  }

  it('servers may send whole files, of which what was not asked for is thrown away', async () => {
    expect((await download(['good', 'odd'], 'whole')).wasted).toBeGreaterThan(0);
  });

  it.each([
    ['before their head', -1],
    ['in the middle', 20_000],
  ])('servers that fall silent %s do not keep all of it for themselves', async (_name, silentAfter) => {
    await download(['odd', 'good'], { silentAfter });
  });
});
