import { describe, expect, it } from 'vitest';
import { Lifetime } from './lifetime.ts';
import { Milestones } from './milestones.ts';

describe('Milestones', () => {
  it('resolves those who wait for what is reached, and leaves the others', async () => {
    const milestones = new Milestones<string>(new Lifetime());
    const settled: string[] = [];
    const ready = [1, 2].map((n) =>
      milestones.until('ready', undefined).then(() => settled.push(`ready ${n}`)),
    );
    const done = milestones.until('done', undefined).then(() => settled.push('done'));
    milestones.reached('ready', 'it');
    await Promise.all(ready);
    expect(settled).toEqual(['ready 1', 'ready 2']);
    milestones.reached('done', 'it');
    await done;
  });

  it('rejects everybody with the reason, and keeps those who ask later waiting', async () => {
    const milestones = new Milestones<string>(new Lifetime());
    const reason = new Error('disk full');
    const both = [milestones.until('ready', undefined), milestones.until('done', undefined)];
    milestones.giveUp(reason);
    for (const promise of both) await expect(promise).rejects.toBe(reason);
    const later = milestones.until('ready', undefined);
    milestones.reached('ready', 'it');
    expect(await later).toBe('it');
  });

  it('rejects whose signal fires, before or meanwhile, and no one else', async () => {
    const milestones = new Milestones<string>(new Lifetime());
    const abort = new AbortController();
    const mine = milestones.until('ready', abort.signal);
    const other = milestones.until('ready', undefined);
    abort.abort('enough');
    await expect(mine).rejects.toMatchObject({ name: 'AbortError', cause: 'enough' });
    await expect(milestones.until('done', abort.signal)).rejects.toMatchObject({ cause: 'enough' });
    milestones.reached('ready', 'it');
    await other;
  });

  it('lets go of the signal when it is over', async () => {
    const milestones = new Milestones<string>(new Lifetime());
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      listeners--;
      remove(...args);
    };
    const promise = milestones.until('ready', signal);
    expect(listeners).toBe(1);
    milestones.reached('ready', 'it');
    await promise;
    expect(listeners).toBe(0);
  });
});
