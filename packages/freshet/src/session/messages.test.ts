import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClientMessages, readHostMessages } from './messages.ts';
import { Outbox } from './outbox.ts';

describe('messages over a port', () => {
  it('are read from anything without a throw, and are never something else', () => {
    const types = [
      'request',
      'open',
      'read',
      'cancel',
      'heard',
      'close',
      'answer',
      'failure',
      'event',
      'bytes',
    ];
    const almost = fc.record(
      {
        type: fc.constantFrom(...types, 'readFailed', 'gone', 'other'),
        id: fc.oneof(fc.integer(), fc.anything()),
        reader: fc.oneof(fc.nat(), fc.anything()),
        torrent: fc.oneof(fc.nat(), fc.anything()),
        start: fc.oneof(fc.nat(), fc.double()),
        end: fc.nat(),
        max: fc.oneof(fc.integer(), fc.anything()),
        hold: fc.oneof(fc.nat(), fc.anything()),
        command: fc.oneof(fc.constantFrom('add', 'toString', '__proto__'), fc.anything()),
        args: fc.anything(),
        error: fc.oneof(
          fc.record({ name: fc.string(), code: fc.string(), message: fc.string() }),
          fc.anything(),
        ),
        bytes: fc.oneof(fc.uint8Array(), fc.anything()),
        event: fc.record({ torrent: fc.anything(), event: fc.record({ type: fc.anything() }) }),
      },
      { requiredKeys: ['type'] },
    );
    let good = 0;
    const property = fc.property(fc.oneof(fc.array(almost), almost, fc.anything()), (value) => {
      for (const message of readClientMessages(value)) {
        if (message === undefined) continue;
        good++;
        expect(types).toContain(message.type);
        if (message.type === 'request') expect(Object.hasOwn(message, 'command')).toBe(true);
        if (message.type === 'read') expect(message.max).toBeGreaterThan(0);
      }
      for (const message of readHostMessages(value)) {
        if (message === undefined) continue;
        good++;
        if (message.type === 'bytes' && message.bytes !== undefined) {
          expect(message.bytes).toBeInstanceOf(Uint8Array);
        }
      }
    });
    fc.assert(property, { numRuns: 2000 });
    expect(good).toBeGreaterThan(100);
  });
});

describe('Outbox', () => {
  it('sends together what is said in one turn, in order, with what is given away', async () => {
    const posted: unknown[] = [];
    const port = {
      post: (message: unknown, transfer?: readonly unknown[]) => void posted.push([message, transfer]),
      onMessage: undefined,
      close: () => undefined,
    };
    const outbox = new Outbox<{ n: number }>(port, () => undefined);
    const buffer = new ArrayBuffer(1);
    outbox.send({ n: 1 });
    outbox.send({ n: 2 }, [buffer]);
    expect(posted).toEqual([]);
    await Promise.resolve();
    outbox.send({ n: 3 });
    await Promise.resolve();
    outbox.send({ n: 4 });
    outbox.close();
    outbox.send({ n: 5 });
    await Promise.resolve();
    expect(posted).toEqual([
      [[{ n: 1 }, { n: 2 }], [buffer]],
      [[{ n: 3 }], []],
      [[{ n: 4 }], []],
    ]);
  });

  it('has those of a turn suffer for none of it', async () => {
    const posted: unknown[] = [];
    const refused: unknown[] = [];
    const port = {
      post: (message: unknown) => void posted.push(structuredClone(message)),
      onMessage: undefined,
      close: () => undefined,
    };
    const outbox = new Outbox<object>(port, (message) => refused.push(message));
    const bad = { n: 2, why: () => undefined };
    outbox.send({ n: 1 });
    outbox.send(bad);
    outbox.send({ n: 3 });
    await Promise.resolve();
    expect(posted).toEqual([[{ n: 1 }], [{ n: 3 }]]);
    expect(refused).toEqual([bad]);
  });
});
