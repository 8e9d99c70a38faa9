import { afterEach, describe, expect, it } from 'vitest';
import { Emitter } from './emitter.ts';

interface Events {
  tick: [count: number, name: string];
  error: [error: Error];
}

describe('Emitter', () => {
  it('calls listeners in their order, with the arguments and the emitter as this', () => {
    const emitter = new Emitter<Events>();
    const calls: unknown[] = [];
    emitter
      .on('tick', function (this: unknown, count, name) {
        calls.push(['first', count, name, this === emitter]);
      })
      .addListener('tick', (count) => void calls.push(['second', count]));
    expect(emitter.emit('tick', 1, 'one')).toBe(true);
    expect(calls).toEqual([
      ['first', 1, 'one', true],
      ['second', 1],
    ]);
    expect(emitter.emit('error', new Error('nobody listens'))).toBe(false);
  });

  it('calls a listener of once() for one time, also when it emits again itself', () => {
    const emitter = new Emitter<Events>();
    const counts: number[] = [];
    emitter.once('tick', (count) => {
      counts.push(count);
      if (count < 3) emitter.emit('tick', count + 1, '');
    });
    emitter.emit('tick', 1, '');
    emitter.emit('tick', 9, '');
    expect(counts).toEqual([1]);
    expect(emitter.eventNames()).toEqual([]);
  });

  it('takes away a listener, those of an event, and all', () => {
    const emitter = new Emitter<Events>();
    const listener = (): void => {
      throw new Error('must not be called');
    };
    const other = (): void => {};
    emitter.on('tick', listener).once('tick', listener).on('tick', other).on('error', other);
    expect(emitter.listeners('tick')).toEqual([listener, listener, other]);
    expect(emitter.off('tick', listener).listenerCount('tick')).toBe(1);
    expect(emitter.removeListener('tick', other).eventNames()).toEqual(['error']);
    emitter.on('tick', listener).removeAllListeners('tick');
    expect(emitter.emit('tick', 1, '')).toBe(false);
    expect(emitter.removeAllListeners().setMaxListeners(1).eventNames()).toEqual([]);
  });

  it('calls those who were there when it began, whatever they change', () => {
    const emitter = new Emitter<Events>();
    const calls: string[] = [];
    const second = (): void => void calls.push('second');
    emitter.on('tick', () => {
      calls.push('first');
      emitter.off('tick', second).on('tick', () => void calls.push('late'));
    });
    emitter.on('tick', second);
    emitter.emit('tick', 1, '');
    expect(calls).toEqual(['first', 'second']);
    emitter.emit('tick', 2, '');
    expect(calls).toEqual(['first', 'second', 'first', 'late']);
  });

  describe('when a listener throws', () => {
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    afterEach(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });

    it('calls the others and gives the error to the platform', async () => {
      process.removeAllListeners('uncaughtException');
      process.on('uncaughtException', (error) => uncaught.push(error));
      const emitter = new Emitter<Events>();
      const fault = new Error('of a program');
      const heard: number[] = [];
      emitter.on('tick', () => {
        throw fault;
      });
      emitter.on('tick', (count) => void heard.push(count));
      expect(emitter.emit('tick', 7, '')).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 0));
      expect(heard).toEqual([7]);
      expect(uncaught).toEqual([fault]);
    });
  });
});
