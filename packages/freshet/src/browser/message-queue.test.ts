import { describe, expect, it } from 'vitest';
import { testBytes, testRandom } from '../engine/contracts/waiting.contract.ts';
import { MAX_MESSAGE, MessageQueue } from './message-queue.ts';

function drain(queue: MessageQueue): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let message = queue.shift(); message; message = queue.shift()) messages.push(message.slice());
  return messages;
}

describe('MessageQueue', () => {
  it('sends a block and its header as one message', () => {
    const queue = new MessageQueue();
    queue.push([new Uint8Array(13), new Uint8Array(16_384)]);
    expect(queue.length).toBe(16_397);
    expect(drain(queue).map(({ length }) => length)).toEqual([16_397]);
    expect(queue.length).toBe(0);
  });

  it('hands out a view that is alone without a copy', () => {
    const queue = new MessageQueue();
    const view = testBytes(500, 1);
    queue.push([view]);
    expect(queue.shift()?.buffer).toBe(view.buffer);
    expect(queue.shift()).toBeUndefined();
  });

  it('puts small messages together and splits large ones', () => {
    const queue = new MessageQueue();
    for (let i = 0; i < 100; i++) queue.push([new Uint8Array(9)]);
    expect(drain(queue).map(({ length }) => length)).toEqual([900]);
    queue.push([new Uint8Array(2 * MAX_MESSAGE + 1)]);
    expect(drain(queue).map(({ length }) => length)).toEqual([MAX_MESSAGE, MAX_MESSAGE, 1]);
  });

  it('keeps all bytes in order, whatever is pushed between messages', () => {
    const random = testRandom(3);
    const data = testBytes(300_000, 4);
    const queue = new MessageQueue();
    const seen: Uint8Array[] = [];
    let at = 0;
    while (at < data.length || queue.length > 0) {
      const parts: Uint8Array[] = [];
      for (let i = random(4); i > 0; i--) {
        const end = Math.min(data.length, at + random(random(5) === 0 ? 60_000 : 300));
        parts.push(data.subarray(at, end));
        at = end;
      }
      queue.push(parts);
      for (let i = random(3); i > 0; i--) {
        const message = queue.shift();
        if (message) seen.push(message.slice());
      }
    }
    for (const { length } of seen) expect(length).toBeLessThanOrEqual(MAX_MESSAGE);
    expect(Buffer.compare(Buffer.concat(seen), data)).toBe(0);
  });

  it('forgets what waits when it is cleared', () => {
    const queue = new MessageQueue();
    queue.push([new Uint8Array(40_000)]);
    queue.shift();
    queue.clear();
    expect(queue.length).toBe(0);
    expect(queue.shift()).toBeUndefined();
  });
});
