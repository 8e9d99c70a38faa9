import type { SeededRandom } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { phantomContent } from './content/phantom.ts';
import { drainMicrotasks } from './drain.ts';
import { Loop } from './loop.ts';
import { World } from './world.ts';

describe('the loop', () => {
  it('settles promises between two events, however long their chain is', async () => {
    const loop = new Loop();
    const order: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let i = 0; i < 200; i++) await undefined;
      order.push(name);
    };
    for (const name of ['a', 'b']) {
      loop.clock.setTimer(1, () => {
        order.push(name.toUpperCase());
        void chain(name);
      });
    }
    expect(await loop.run({ limit: 10 })).toBe(false);
    expect(order).toEqual(['A', 'a', 'B', 'b']);
    expect(loop.clock.now()).toBe(10);
    expect(loop.events).toBe(2);
  });

  it('finds a way to settle them that does not take a turn of the process', () => {
    expect(drainMicrotasks).toBeTypeOf('function');
  });

  it('stops between two events: when it is told, at the limit, at a signal, at a failure, at an error', async () => {
    const loop = new Loop();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      loop.clock.setTimer(1, tick);
    };
    loop.clock.setTimer(1, tick);
    expect(await loop.run({ until: () => ticks === 5, limit: 100 })).toBe(true);
    expect(loop.clock.now()).toBe(5);
    expect(await loop.run({ limit: 7.5 })).toBe(false);
    expect([ticks, loop.clock.now()]).toEqual([12, 12.5]);
    await expect(loop.run({ limit: 1e9, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    loop.clock.setTimer(1, () => loop.fail(new Error('never')));
    await expect(loop.run({ limit: 1e9 })).rejects.toThrow('never');
    const other = new Loop();
    other.clock.setTimer(1, () => {
      throw new Error('thrown');
    });
    await expect(other.run({ limit: 10 })).rejects.toThrow('thrown');
  });

  it('shows the outside world now and then how far it is', async () => {
    const loop = new Loop();
    const tick = (): void => void loop.clock.setTimer(1, tick);
    tick();
    const seen: number[] = [];
    await loop.run({ limit: 50_000, onProgress: () => seen.push(loop.events) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});

describe('a run', () => {
  /** A small swarm; returns its fingerprint. */
  const run = async (seed: number): Promise<string> => {
    const film = { seconds: 8, moov: 'first' } as const;
    const content = await phantomContent({ length: 3_000_000, pieceLength: 65_536, film });
    const world = new World({ seed });
    const line = { up: 500_000, down: 2_000_000, latencyMs: 20, jitterMs: 5, loss: 0.01 };
    const peers = [world.peer({ content, seed: true, line })];
    const random = world.random('introductions');
    for (let i = 0; i < 6; i++) {
      const peer = world.peer({ content, line });
      for (let k = 0; k < 3; k++) world.introduce(peer, peers[random.below(peers.length)]!);
      peers.push(peer);
    }
    const done = (): boolean => peers.slice(1).every(({ log }) => log.doneAt !== undefined);
    expect(await world.run({ until: done, limit: 300_000 })).toBe(true);
    await world.close();
    expect(world.trace.count).toBeGreaterThan(1000);
    return `${world.trace.digest()} ${world.trace.count} ${world.loop.events} ${world.clock.now()}`;
  };

  it('is the same for the same seed, and another one for another', async () => {
    const first = await run(1);
    expect(await run(1)).toBe(first);
    expect(await run(2)).not.toBe(first);
  });

  it('does not depend on what else has drawn numbers', () => {
    const [a, b] = [new World({ seed: 5 }), new World({ seed: 5 })];
    const draw = (random: SeededRandom): number[] => Array.from({ length: 5 }, () => random.below(1000));
    draw(a.random('other'));
    expect(draw(a.random('one'))).toEqual(draw(b.random('one')));
    expect(draw(a.random('one'))).not.toEqual(draw(a.random('two')));
    expect(draw(a.random('one'))).not.toEqual(draw(new World({ seed: 6 }).random('one')));
  });
});
