import { sampleTorrent } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { realContent } from './content.ts';
import { World } from './world.ts';

describe('a world', () => {
  it('lets a swarm of real engines download, in virtual time', async () => {
    const content = realContent(await sampleTorrent(1_000_000, 65_536));
    const world = new World({ seed: 1 });
    const seed = world.peer({ content, seed: true });
    const leech = world.peer({ content, line: { down: 1_000_000 } });
    world.introduce(leech, seed);
    expect(await world.run({ until: () => leech.log.doneAt !== undefined, limit: 60_000 })).toBe(true);
    expect(leech.log.doneAt).toBeGreaterThan(1000);
    expect(await content.isRight(leech.disk, [...Array(content.info.pieceCount).keys()])).toBe(true);
    await world.close();
  });

  it('refuses real time and chance while it runs', async () => {
    const world = new World({ seed: 1 });
    world.clock.setTimer(5, () => void Math.random());
    await expect(world.run({ limit: 10 })).rejects.toThrow('used the real random');
    expect(Math.random()).toBeLessThan(1);
  });
});
