import { describe, expect, it } from 'vitest';
import { TorrentReader } from './reader.ts';

const MB = 1_000_000;

/** A reader of a film that is all there, and the time that it sees. */
function reader() {
  const time = { now: 0 };
  const opened = new TorrentReader(
    {
      pieceLength: MB,
      now: () => time.now,
      isVerified: () => true,
      readableFrom: (_, begin) => MB - begin,
      mediaRate: () => undefined,
      readVerified: (_piece, _begin, length) => [new Uint8Array(length)],
      onMoved: () => {},
      onClosed: () => {},
    },
    { start: 0, end: 100 * MB },
  );
  const read = async (bytes: number): Promise<void> => {
    for (let left = bytes; left > 0; ) left -= (await opened.read(left))!.length;
  };
  return { opened, time, read };
}

describe('lead of a reader', () => {
  it('is nothing at the start and for one that reads as fast as the film plays', async () => {
    const { opened, time, read } = reader();
    expect(opened.lead(time.now)).toBe(0);
    for (time.now = 500; time.now <= 10_000; time.now += 500) await read(0.5 * MB);
    expect(opened.lead(time.now)).toBe(0);
  });

  it('grows with what is in the buffer, to ten seconds, and goes by as the film plays', async () => {
    const { opened, time, read } = reader();
    await read(3 * MB);
    expect(opened.lead(time.now)).toBe(3000);
    time.now = 1000;
    expect(opened.lead(time.now)).toBe(2000);
    await read(50 * MB);
    expect(opened.lead(time.now)).toBe(10_000);
  });

  it('ends with a seek', async () => {
    const { opened, time, read } = reader();
    await read(3 * MB);
    opened.seek(50 * MB);
    expect(opened.lead(time.now)).toBe(0);
  });
});
