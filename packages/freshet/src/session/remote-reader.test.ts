import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamError } from './errors.ts';
import type { ClientMessage } from './messages.ts';
import { RemoteReader, type RemoteReaderHost } from './remote-reader.ts';

const content = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 31 + (index >> 8)) & 255);

/** A host whose answers come when the test says so, and that may be lost. */
class Host implements RemoteReaderHost {
  there = true;
  /** What each reader is asked for, and where it is. */
  readonly readers = new Map<number, { at: number; end: number; asked: number[] }>();
  readonly forgotten: RemoteReader[] = [];
  most = 0;
  #next = 1;

  send(message: ClientMessage): void {
    if (message.type === 'open') {
      this.readers.set(message.reader, { at: message.start, end: message.end, asked: [] });
    } else if (message.type === 'read') {
      const reader = this.readers.get(message.reader)!;
      reader.asked.push(message.max);
      this.most = Math.max(
        this.most,
        reader.asked.reduce((sum, max) => sum + max, 0),
      );
    } else if (message.type === 'cancel') this.readers.delete(message.reader);
  }

  nextReader(): number | undefined {
    return this.there ? this.#next++ : undefined;
  }

  forget(_id: number | undefined, reader: RemoteReader): void {
    this.forgotten.push(reader);
  }

  /** Answers one read, with at most so many bytes. Returns whether there was one. */
  answer(reader: RemoteReader, most: number): boolean {
    const state = [...this.readers.values()][0];
    const max = state?.asked.shift();
    if (state === undefined || max === undefined) return false;
    const end = Math.min(state.at + max, state.at + most, state.end);
    const bytes = state.at >= state.end ? undefined : content.slice(state.at, end);
    state.at = end;
    reader.onBytes(bytes);
    return true;
  }

  lose(reader: RemoteReader): void {
    this.there = false;
    this.readers.clear();
    reader.lost();
  }

  return(reader: RemoteReader): void {
    this.there = true;
    reader.reopen();
  }
}

describe('RemoteReader', () => {
  it('delivers each byte once and in order, whatever the sizes, through the loss of hosts', async () => {
    let losses = 0;
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant('answer' as const), most: fc.integer({ min: 1, max: 700 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), most: fc.constant(0) }) },
    );
    const property = fc.asyncProperty(
      fc.integer({ min: 0, max: 4_999 }),
      fc.integer({ min: 0, max: 5_000 }),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      async (start, end, sizes, steps) => {
        const host = new Host();
        const reader = new RemoteReader(host, { torrent: 1, start, end: Math.max(start, end) });
        const parts: number[] = [];
        let turn = 0;
        for (let i = 0; ; i++) {
          const size = sizes[i % sizes.length]!;
          let settled = false;
          const read = reader.read(size).finally(() => {
            settled = true;
          });
          await Promise.resolve();
          await Promise.resolve();
          while (!settled) {
            const { do: what, most } = steps[turn++ % steps.length]!;
            if (what === 'lose') {
              losses++;
              host.lose(reader);
              host.return(reader);
              // Steps that only lose would go on for ever.
              host.answer(reader, 1);
            } else host.answer(reader, most);
            await Promise.resolve();
            await Promise.resolve();
          }
          const bytes = await read;
          if (bytes === undefined) break;
          expect(bytes.length).toBeGreaterThan(0);
          expect(bytes.length).toBeLessThanOrEqual(size);
          parts.push(...bytes);
        }
        expect(Uint8Array.from(parts)).toEqual(content.slice(start, Math.max(start, end)));
        expect(await reader.read(10)).toBeUndefined();
        // The host holds nothing of it any more.
        expect(host.readers.size).toBe(0);
        expect(host.forgotten).toContain(reader);
      },
    );
    await fc.assert(property, { numRuns: 100 });
    expect(losses).toBeGreaterThan(50);
  });

  it('asks for nothing that was not read at first, and for at most a mebibyte ahead later', async () => {
    const host = new Host();
    const chunk = 256 * 1024;
    const reader = new RemoteReader(host, { torrent: 1, start: 0, end: 100 * chunk });
    const answer = (): void => {
      [...host.readers.values()][0]!.asked.shift();
      reader.onBytes(new Uint8Array(chunk));
    };
    const asked = (): number => [...host.readers.values()][0]!.asked.length;
    const first = reader.read(chunk);
    expect(asked()).toBe(1);
    answer();
    await first;
    expect(asked()).toBe(0);
    const windows: number[] = [];
    for (let i = 0; i < 12; i++) {
      let settled = false;
      const read = reader.read(chunk).finally(() => {
        settled = true;
      });
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      if (!settled) answer();
      expect((await read)?.length).toBe(chunk);
      windows.push(asked());
    }
    expect(windows.slice(0, 3)).toEqual([1, 2, 4]);
    expect(Math.max(...windows)).toBe(4);
    // The read that waits, and a mebibyte.
    expect(host.most).toBeLessThanOrEqual(5 * chunk);
  });

  it('rejects what waits when it is cancelled or fails, and one of two reads at a time', async () => {
    const host = new Host();
    const range = { torrent: 1, start: 0, end: 1000 };
    const cancelled = new RemoteReader(host, range);
    const waiting = cancelled.read(10);
    await expect(cancelled.read(10)).rejects.toBeInstanceOf(StreamError);
    cancelled.cancel();
    cancelled.cancel();
    await expect(waiting).rejects.toThrow('cancelled');
    await expect(cancelled.read(10)).rejects.toThrow('cancelled');
    expect(host.readers.size).toBe(0);
    const failed = new RemoteReader(host, range);
    const other = failed.read(10);
    failed.fail(new Error('the disk is gone'));
    await expect(other).rejects.toThrow('the disk is gone');
    await expect(failed.read(0)).rejects.toBeInstanceOf(StreamError);
  });

  it('takes no bytes that it has not asked for', async () => {
    const host = new Host();
    const reader = new RemoteReader(host, { torrent: 1, start: 0, end: 1000 });
    reader.onBytes(content.slice(0, 10));
    const read = reader.read(5);
    host.answer(reader, 5);
    expect(await read).toEqual(content.slice(0, 5));
  });

  it('waits for a host when there is none', async () => {
    const host = new Host();
    host.there = false;
    const reader = new RemoteReader(host, { torrent: 1, start: 100, end: 200 });
    const read = reader.read(100);
    expect(host.readers.size).toBe(0);
    host.return(reader);
    host.answer(reader, 100);
    expect(await read).toEqual(content.slice(100, 200));
  });
});
