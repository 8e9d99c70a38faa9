import { describe, expect, it } from 'vitest';
import { setTrap, TRAPPED, TrapError } from './trap.ts';
import { World } from './world.ts';

const CASES = TRAPPED.flatMap(([owner, names]) => names.map((name) => ({ owner, name })));

/** Reaches for it as code does that has not heard of ports. */
function reach(owner: object, name: string): void {
  (Reflect.get(owner, name) as (...args: unknown[]) => unknown).call(owner, () => {}, 0);
}

describe('the trap', () => {
  it('is set for time, timers, chance and the network', () => {
    expect(CASES.map(({ name }) => name).sort()).toEqual(
      ['clearInterval', 'clearTimeout', 'fetch', 'getRandomValues', 'now', 'now', 'random', 'randomUUID']
        .concat(['setImmediate', 'setInterval', 'setTimeout', 'WebSocket'])
        .sort(),
    );
  });

  it.each(CASES)(
    'fires for $name while a world runs, and it is as before afterwards',
    async ({ owner, name }) => {
      const before = Object.getOwnPropertyDescriptor(owner, name);
      const world = new World({ seed: 1 });
      world.clock.setTimer(5, () => reach(owner, name));
      await expect(world.run({ limit: 10 })).rejects.toThrow(`used the real ${name}`);
      expect(Object.getOwnPropertyDescriptor(owner, name)).toEqual(before);
    },
  );

  it('fires for what promises reach for', async () => {
    const world = new World({ seed: 1 });
    let caught: unknown;
    const act = async (): Promise<void> => {
      await undefined;
      reach(Math, 'random');
    };
    world.clock.setTimer(5, () => {
      act().catch((error) => {
        caught = error;
      });
    });
    await world.run({ limit: 10 });
    expect(caught).toBeInstanceOf(TrapError);
  });

  it('lets dates be computed with, and not asked for now', () => {
    const release = setTrap();
    const seen: unknown[] = [];
    try {
      seen.push(new Date(86_400_000).getTime(), new Date(0) instanceof Date, Date.UTC(1970, 0, 2));
      for (const ask of [(): unknown => new Date(), (): unknown => Date()]) {
        try {
          seen.push(ask());
        } catch (error) {
          seen.push(error instanceof TrapError);
        }
      }
    } finally {
      release();
    }
    expect(seen).toEqual([86_400_000, true, 86_400_000, true, true]);
    expect(new Date()).toBeInstanceOf(Date);
  });
});
