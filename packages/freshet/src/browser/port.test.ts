import { describe, expect, it } from 'vitest';
import { localPipe, portOf } from './port.ts';

describe('a pipe within one thread', () => {
  it('keeps what comes before somebody listens, and never delivers from within post', async () => {
    const [one, two] = localPipe();
    const heard: unknown[] = [];
    one.post('first');
    await Promise.resolve();
    two.onMessage = (message) => heard.push(message);
    one.post('second');
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(['first', 'second']);
    const same = {};
    one.post(same);
    await Promise.resolve();
    expect(heard[2]).toBe(same);
  });

  it('says nothing after its end, at both ends', async () => {
    const [one, two] = localPipe();
    const heard: unknown[] = [];
    one.onMessage = (message) => heard.push(message);
    two.onMessage = (message) => heard.push(message);
    one.post('on its way');
    two.close();
    one.post('late');
    two.post('late too');
    await Promise.resolve();
    expect(heard).toEqual([]);
  });

  it('goes on with what is left when the listener has changed in between', async () => {
    const [one, two] = localPipe();
    const heard: unknown[] = [];
    two.onMessage = (message) => {
      heard.push(message);
      two.onMessage = undefined;
    };
    one.post(1);
    one.post(2);
    await Promise.resolve();
    expect(heard).toEqual([1]);
    two.onMessage = (message) => heard.push(message);
    await Promise.resolve();
    expect(heard).toEqual([1, 2]);
  });
});

describe('a message port', () => {
  it('carries what it is given, transfers, and keeps what comes before somebody listens', async () => {
    const { port1, port2 } = new MessageChannel();
    const [one, two] = [portOf(port1), portOf(port2)];
    const bytes = new Uint8Array([1, 2, 3]);
    one.post({ bytes }, [bytes.buffer]);
    expect(bytes.length).toBe(0);
    const heard = new Promise((resolve) => {
      two.onMessage = resolve;
    });
    expect(await heard).toEqual({ bytes: new Uint8Array([1, 2, 3]) });
    one.close();
    two.close();
  });
});
