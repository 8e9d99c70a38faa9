import { sampleTorrent } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { realContent } from '../content.ts';
import { type PeerOptions, World } from '../world.ts';
import { trackerHost } from './tracker-host.ts';
import { type WebSeedFault, webSeedHost } from './web-seed-host.ts';

const sample = await sampleTorrent(600_000, 32_768);
const content = realContent(sample);
const several = realContent(
  await sampleTorrent(600_000, 32_768, {
    files: [
      { path: ['a b', 'ä.bin'], length: 250_000 },
      { path: ['c#?.bin'], length: 350_000 },
    ],
  }),
);
const pieces = (of: typeof content): number[] => [...Array(of.info.pieceCount).keys()];

describe('a tracker host', () => {
  for (const transport of ['ws', 'http'] as const) {
    it(`introduces viewers to each other over ${transport}`, async () => {
      const world = new World({ seed: 1 });
      const tracker = trackerHost(world, { transports: ['ws', 'http'] });
      const spec = { trackers: [[tracker.urls[transport]]] };
      const shared: PeerOptions = { content, spec, kind: transport === 'ws' ? 'browser' : 'node' };
      world.peer({ ...shared, seed: true });
      const leeches = [world.peer(shared), world.peer(shared)];
      const done = (): boolean => leeches.every((leech) => leech.log.doneAt !== undefined);
      expect(await world.run({ until: done, limit: 120_000 })).toBe(true);
      for (const leech of leeches) expect(await content.isRight(leech.disk, pieces(content))).toBe(true);
      const { counters, core } = tracker;
      expect(core.stats().peers).toBe(3);
      expect(counters.received).toBeGreaterThanOrEqual(3);
      expect(counters.byMode.ok).toBe(counters.received);
      expect(counters.connections).toBe(transport === 'ws' ? 3 : 0);
      expect([...counters.perSecond.values()].reduce((a, b) => a + b)).toBe(
        counters.received + counters.connections,
      );
      await world.close();
      await world.run({ limit: 1000 });
      // All have said goodbye.
      expect(core.stats().peers).toBe(0);
    });
  }

  it('forgets everything when its program is started again', async () => {
    const world = new World({ seed: 1 });
    const tracker = trackerHost(world, { transports: ['ws'] });
    world.peer({ content, seed: true, kind: 'browser', spec: { trackers: [[tracker.url]] } });
    await world.run({ until: () => tracker.core.stats().peers === 1, limit: 10_000 });
    const { core } = tracker;
    tracker.restart();
    expect(tracker.core).not.toBe(core);
    expect([core.stats().peers, tracker.openConnections]).toEqual([0, 0]);
    expect(await world.run({ until: () => tracker.core.stats().peers === 1, limit: 10_000 })).toBe(true);
    await world.close();
  });
});

/** Downloads from one web seed with these faults; what it is asked for, in the time that is left. */
async function download(
  of: typeof content,
  faults: readonly WebSeedFault[],
  options: { layout?: 'files' | 'pieces'; limit?: number } = {},
) {
  const world = new World({ seed: 1 });
  const site = webSeedHost(world, { content: of, faults, layout: options.layout });
  const spec = options.layout === 'pieces' ? { httpSeeds: [site.url] } : { webSeeds: [site.url] };
  const peer = world.peer({ content: of, spec, kind: 'browser' });
  const done = await world.run({
    until: () => peer.log.doneAt !== undefined,
    limit: options.limit ?? 120_000,
  });
  if (done) expect(await of.isRight(peer.disk, pieces(of))).toBe(true);
  const at = peer.log.doneAt;
  const warnings = peer.log.warnings.map(({ message }) => message);
  await world.close();
  return { site, at, warnings };
}

describe('a web seed host', () => {
  it('serves one file, several, and pieces', async () => {
    const single = await download(content, []);
    const multi = await download(several, []);
    const script = await download(content, [], { layout: 'pieces' });
    for (const { site, at, warnings } of [single, multi, script]) {
      expect(at).toBeDefined();
      expect(warnings).toEqual([]);
      expect(site.bytes).toBeGreaterThanOrEqual(600_000);
    }
    expect(multi.site.requests).toBeGreaterThan(1);
  });

  const passing: readonly WebSeedFault[] = [
    { kind: 'status', status: 503, retryAfterSeconds: 20, times: 1 },
    { kind: 'status', status: 500, times: 2 },
    { kind: 'unreachable', times: 1 },
    { kind: 'whole' },
    { kind: 'break', after: 100_000, times: 2 },
    { kind: 'break', after: 0, times: 1 },
    { kind: 'stall', after: 50_000, times: 1 },
    { kind: 'slow', delayMs: 3000 },
    { kind: 'slow', delayMs: 500, share: 0.5 },
  ];
  for (const fault of passing) {
    it(`gets over ${JSON.stringify(fault)}`, async () => {
      const { site, at } = await download(content, [fault]);
      expect(at).toBeDefined();
      expect(site.fired(fault.kind)).toBeGreaterThanOrEqual(fault.times ?? 1);
    });
  }

  const lasting: readonly (readonly [WebSeedFault, RegExp])[] = [
    [{ kind: 'status', status: 404 }, /does not give the file \(HTTP 404\)/],
    [{ kind: 'status', status: 403 }, /does not give the file \(HTTP 403\)/],
    [{ kind: 'wrong-range', by: 7 }, /answers bytes 0-[0-9]+ with "bytes 7-/],
    [{ kind: 'short', by: 1 }, /has 599999 bytes where the torrent says 600000/],
    [{ kind: 'other-file' }, /is not used any more/],
    [{ kind: 'corrupt', offset: 100_000, length: 1 }, /is not used any more/],
  ];
  for (const [fault, sentence] of lasting) {
    it(`is not taken for a source with ${JSON.stringify(fault)}`, async () => {
      const { site, at, warnings } = await download(content, [fault]);
      expect(at).toBeUndefined();
      expect(warnings.join('\n')).toMatch(sentence);
      expect(warnings.join('\n')).toContain(site.url.replace(/\/$/, ''));
      expect(site.fired(fault.kind)).toBeGreaterThan(0);
    });
  }

  it('sends clients to another server', async () => {
    const world = new World({ seed: 1 });
    const mirror = webSeedHost(world, { content });
    const site = webSeedHost(world, { content, faults: [{ kind: 'redirect', to: mirror.url }] });
    const peer = world.peer({ content, spec: { webSeeds: [site.url] } });
    expect(await world.run({ until: () => peer.log.doneAt !== undefined, limit: 60_000 })).toBe(true);
    expect(site.fired('redirect')).toBeGreaterThan(0);
    expect([site.bytes, mirror.bytes >= 600_000]).toEqual([0, true]);
    await world.close();
  });
});
