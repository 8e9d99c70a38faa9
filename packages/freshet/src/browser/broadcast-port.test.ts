import { afterEach, describe, expect, it } from 'vitest';
import { broadcastPort } from './broadcast-port.ts';
import type { Port } from './port.ts';

const ports: Port[] = [];

function open(name: string): Port {
  const port = broadcastPort(name);
  ports.push(port);
  return port;
}

function next(port: Port): Promise<unknown> {
  return new Promise((resolve) => {
    port.onMessage = resolve;
  });
}

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

describe('a channel as a pipe', () => {
  it('reaches the others of its name and not itself', async () => {
    const [one, other, stranger] = [open('a'), open('a'), open('b')];
    const heard: unknown[] = [];
    one.onMessage = (message) => heard.push(message);
    stranger.onMessage = (message) => heard.push(message);
    one.post({ bytes: new Uint8Array([1, 2]) });
    expect(await next(other)).toEqual({ bytes: new Uint8Array([1, 2]) });
    expect(heard).toEqual([]);
  });

  it('keeps what comes before there is a listener, in order', async () => {
    const [one, other] = [open('a'), open('a')];
    const probe = open('a');
    one.post(1);
    one.post(2);
    // By now both have come to the other as well.
    for (let received = 0; received !== 2; ) received = (await next(probe)) as number;
    const heard: unknown[] = [];
    const three = new Promise<void>((resolve) => {
      other.onMessage = (message) => {
        heard.push(message);
        if (message === 3) resolve();
      };
    });
    one.post(3);
    await three;
    expect(heard).toEqual([1, 2, 3]);
  });

  it('says and hears nothing any more once it is closed', async () => {
    const [one, other, third] = [open('a'), open('a'), open('a')];
    const heard: unknown[] = [];
    other.onMessage = (message) => heard.push(message);
    other.close();
    other.post('late');
    one.post('last');
    expect(await next(third)).toBe('last');
    expect(heard).toEqual([]);
  });
});
