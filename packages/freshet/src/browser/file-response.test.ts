import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BodyPart } from '../protocol/file-answer.ts';
import type { FileRequestMessage } from './file-protocol.ts';
import { bodyBytes, type FileHead, fileHead } from './file-response.ts';

const FILE = { name: "Ümläut's (1).mp4", length: 1000, type: 'video/mp4', etag: '"e1"' };
const DATA = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

function ask(request: Partial<FileRequestMessage>, file: Partial<typeof FILE> = {}): FileHead {
  const base = {
    freshet: 'file',
    path: '',
    method: 'GET',
    range: undefined,
    ifRange: undefined,
    ifNoneMatch: undefined,
    destination: '',
    boundary: 'b0',
  } as const;
  return fileHead({ ...base, ...request }, { ...FILE, ...file });
}

function header({ headers }: FileHead, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}

/** Reads of `DATA` in chunks of `size`; counts those that were ended. */
function reads(size: number, end = DATA.length) {
  const state = { ended: 0 };
  async function* read(start: number, last: number): AsyncGenerator<Uint8Array> {
    try {
      for (let at = start; at <= last && at < end; at += size)
        yield DATA.subarray(at, Math.min(at + size, last + 1, end));
    } finally {
      state.ended++;
    }
  }
  return { state, read };
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) {
    expect(chunk.length).toBeGreaterThan(0);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

describe('fileHead', () => {
  it('gives a range, and the name to save the file under', () => {
    const head = ask({ range: 'bytes=10-19' });
    expect(head).toMatchObject({ status: 206, body: [{ start: 10, end: 20 }] });
    expect(Object.fromEntries(head.headers)).toEqual({
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'no-store',
      'Content-Disposition': `inline; filename="_ml_ut's (1).mp4"; filename*=UTF-8''%C3%9Cml%C3%A4ut%27s%20%281%29.mp4`,
      'Content-Length': '10',
      'Content-Range': 'bytes 10-19/1000',
      'Content-Type': 'video/mp4',
      ETag: '"e1"',
      'X-Content-Type-Options': 'nosniff',
    });
  });

  it('says of what cannot be satisfied or is known already only that', () => {
    for (const head of [ask({ range: 'bytes=1000-' }), ask({ ifNoneMatch: '"e1"' })]) {
      expect([416, 304]).toContain(head.status);
      expect(head.body).toEqual([]);
      expect(header(head, 'Content-Disposition')).toBeUndefined();
    }
  });

  it('lets no file run as a page of this site', () => {
    for (const type of ['text/html; charset=utf-8', 'image/svg+xml', 'application/xml', 'text/javascript']) {
      for (const range of [undefined, 'bytes=0-1,5-6']) {
        const head = ask({ destination: 'iframe', range }, { type });
        expect(header(head, 'Content-Security-Policy')).toBe('sandbox');
      }
    }
    for (const type of [
      'video/mp4',
      'audio/mpeg',
      'image/png',
      'application/pdf',
      'text/plain; charset=utf-8',
    ]) {
      expect(header(ask({ destination: 'iframe' }, { type }), 'Content-Security-Policy')).toBeUndefined();
    }
    expect(header(ask({}), 'X-Content-Type-Options')).toBe('nosniff');
  });

  it('saves the file when it is opened in a tab of its own', () => {
    const head = ask({ destination: 'document' });
    expect(header(head, 'Content-Type')).toBe('application/octet-stream');
    expect(header(head, 'Content-Disposition')).toMatch(/^attachment; filename=/);
  });
});

describe('bodyBytes', () => {
  it('goes on behind any byte that was sent, in a multipart body too', async () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }),
      fc.tuple(fc.nat(998), fc.integer({ min: 1, max: 100 })).map(([start, length]) => ({
        start,
        end: Math.min(1000, start + length),
      })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), fc.nat(), fc.nat(), async (body, cut, size) => {
        const whole = await collect(bodyBytes(body, 0, reads(64).read));
        const expected = body.map((one: BodyPart) =>
          typeof one === 'string' ? Buffer.from(one) : Buffer.from(DATA.subarray(one.start, one.end)),
        );
        expect(Buffer.compare(whole, Buffer.concat(expected))).toBe(0);
        const skip = cut % (whole.length + 1);
        const rest = await collect(bodyBytes(body, skip, reads((size % 50) + 1).read));
        expect(Buffer.compare(rest, whole.subarray(skip))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('takes no more than it was asked for, and ends the read', async () => {
    const { state, read } = reads(300);
    const long = (start: number): AsyncIterable<Uint8Array> => read(start, 999);
    expect((await collect(bodyBytes([{ start: 5, end: 10 }], 0, long))).length).toBe(5);
    expect(state.ended).toBe(1);
  });

  it('fails where the file ends early', async () => {
    const { read } = reads(300, 700);
    await expect(collect(bodyBytes([{ start: 0, end: 1000 }], 0, read))).rejects.toThrow(
      'The file ended 300 bytes early.',
    );
  });
});
