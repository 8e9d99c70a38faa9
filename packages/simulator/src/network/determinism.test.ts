import { sampleTorrent } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { realContent } from '../content.ts';
import { World } from '../world.ts';
import { dial, Sink, saturate, testNetwork } from './test-network.contract.ts';

const LINE = { up: 500_000, down: 2_000_000, latencyMs: 15, jitterMs: 4, loss: 0.001 };

/** A small swarm over lines where much is left to chance. */
async function swarm(
  seed: number,
  copyBytes = false,
): Promise<{ digest: string; doneAt: (number | undefined)[]; down: number[] }> {
  const content = realContent(await sampleTorrent(600_000, 32_768));
  const world = new World({ seed, traceBytes: true, copyBytes });
  const source = world.peer({ content, seed: true, line: LINE });
  const others = Array.from({ length: 4 }, () => world.peer({ content, line: LINE }));
  for (const other of others) world.introduce(other, source);
  world.introduce(others[0]!, others[1]!);
  world.introduce(others[2]!, others[3]!);
  const isDone = (): boolean => others.every(({ log }) => log.doneAt !== undefined);
  expect(await world.run({ until: isDone, limit: 120_000 })).toBe(true);
  const pieces = [...Array(content.info.pieceCount).keys()];
  for (const { disk } of others) expect(await content.isRight(disk, pieces)).toBe(true);
  await world.close();
  return {
    digest: world.trace.digest(),
    doneAt: others.map(({ log }) => log.doneAt),
    down: others.map(({ host }) => world.network.traffic(host.address).down),
  };
}

describe('a run', () => {
  it('is the same to the byte with the same seed, and another one with another', async () => {
    const runs = [await swarm(1), await swarm(1), await swarm(2)];
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]!.digest).not.toBe(runs[0]!.digest);
    expect(runs[2]!.doneAt).not.toEqual(runs[0]!.doneAt);
    for (const { down } of runs) for (const bytes of down) expect(bytes).toBeGreaterThan(600_000);
  });

  it('is the same whether engines are given copies or views, which are overwritten afterwards or not', async () => {
    expect(await swarm(3, true)).toEqual(await swarm(3));
  });

  it('is the same whether bytes are copied or views of them are delivered', () => {
    const digests = [false, true].map((copyBytes) => {
      const test = testNetwork(4, { copyBytes, traceBytes: true });
      test.network.setHost('a', LINE);
      test.network.setHost('b', LINE);
      const { a, b } = dial(test, 'a', 'b');
      const sink = new Sink(test.clock);
      b.attach(sink);
      saturate(a, new Sink(test.clock));
      test.clock.advance(5000);
      expect(sink.length).toBeGreaterThan(1_000_000);
      expect(test.trace.count).toBeGreaterThan(60);
      return test.trace.digest();
    });
    expect(digests[1]).toBe(digests[0]);
  });
});
