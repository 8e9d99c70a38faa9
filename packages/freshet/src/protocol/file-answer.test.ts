import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerFile, contentDisposition, type FileAnswer, type FileQuestion } from './file-answer.ts';

const FILE = { length: 1000, type: 'video/mp4', etag: '"e1"' };
const DATA = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

function ask(question: Partial<FileQuestion>, file: Partial<typeof FILE> = {}): FileAnswer {
  const base = { method: 'GET', range: undefined, ifRange: undefined, ifNoneMatch: undefined };
  return answerFile({ ...base, ...question }, { ...FILE, ...file }, 'b0');
}

function header({ headers }: FileAnswer, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}

/** What is sent, one character for each byte. */
function bodyText({ body }: FileAnswer): string {
  const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  return body
    .map((part) => (typeof part === 'string' ? part : latin(DATA.subarray(part.start, part.end))))
    .join('');
}

describe('answerFile', () => {
  it('gives the whole file', () => {
    const answer = ask({});
    expect(answer).toMatchObject({ status: 200, body: [{ start: 0, end: 1000 }] });
    expect(Object.fromEntries(answer.headers)).toEqual({
      'Accept-Ranges': 'bytes',
      'Content-Length': '1000',
      'Content-Type': 'video/mp4',
      ETag: '"e1"',
    });
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=999-999', 999, 999],
    ['bytes=0-', 0, 999],
    ['bytes=10-19', 10, 19],
    ['bytes=990-2000', 990, 999],
    ['bytes=-3', 997, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=2000-,5-6', 5, 6],
  ])('gives the range %s', (range, start, last) => {
    const answer = ask({ range });
    expect(answer).toMatchObject({ status: 206, body: [{ start, end: last + 1 }] });
    expect(header(answer, 'Content-Range')).toBe(`bytes ${start}-${last}/1000`);
    expect(header(answer, 'Content-Length')).toBe(String(last - start + 1));
    expect(header(answer, 'Content-Type')).toBe('video/mp4');
  });

  it.each(['bytes=1000-', 'bytes=1000-1001', 'bytes=-0', 'bytes=5000-,1000-1000'])(
    'refuses %s, which is beyond the end',
    (range) => {
      const answer = ask({ range });
      expect(answer).toMatchObject({ status: 416, body: [] });
      expect(header(answer, 'Content-Range')).toBe('bytes */1000');
    },
  );

  it.each(['bytes=5-1', 'lines=1-2', 'bytes=', 'bytes=x', 'bytes=0-,0-', 'bytes=0-0 1-1'])(
    'answers %s with everything',
    (range) => {
      expect(ask({ range })).toMatchObject({ status: 200, body: [{ start: 0, end: 1000 }] });
    },
  );

  it('puts several ranges into one body', () => {
    const answer = ask({ range: 'bytes=0-1, 500-503, -2' });
    expect(answer.status).toBe(206);
    expect(header(answer, 'Content-Type')).toBe('multipart/byteranges; boundary=b0');
    expect(header(answer, 'Content-Range')).toBeUndefined();
    const part = (start: number, last: number): string =>
      `--b0\r\nContent-Type: video/mp4\r\nContent-Range: bytes ${start}-${last}/1000\r\n\r\n${Buffer.from(
        DATA.subarray(start, last + 1),
      ).toString('latin1')}\r\n`;
    expect(bodyText(answer)).toBe(`${part(0, 1)}${part(500, 503)}${part(998, 999)}--b0--\r\n`);
    expect(header(answer, 'Content-Length')).toBe(String(bodyText(answer).length));
  });

  it('ignores ranges for another version of the file', () => {
    expect(ask({ range: 'bytes=1-2', ifRange: '"e0"' }).status).toBe(200);
    expect(ask({ range: 'bytes=1-2', ifRange: 'W/"e1"' }).status).toBe(200);
    expect(ask({ range: 'bytes=1-2', ifRange: '"e1"' }).status).toBe(206);
  });

  it('does not send again what the reader has', () => {
    for (const ifNoneMatch of ['"e1"', 'W/"e1"', '"e0", "e1"', '*'])
      expect(ask({ ifNoneMatch, range: 'bytes=0-1' })).toMatchObject({ status: 304, body: [] });
    expect(ask({ ifNoneMatch: '"e0"' }).status).toBe(200);
  });

  it('has no body for HEAD, which knows no ranges, and for an empty file', () => {
    const head = ask({ method: 'HEAD', range: 'bytes=1-2' });
    expect(head).toMatchObject({ status: 200, body: [] });
    expect(header(head, 'Content-Length')).toBe('1000');
    const empty = ask({}, { length: 0 });
    expect(empty).toMatchObject({ status: 200, body: [] });
    expect(header(empty, 'Content-Length')).toBe('0');
    expect(ask({ range: 'bytes=0-' }, { length: 0 }).status).toBe(416);
  });

  it('sends what it says it sends, whatever comes', () => {
    const number = fc.oneof(fc.nat(1100), fc.constant(''));
    const spec = fc.tuple(number, number).map(([first, last]) => `${first}-${last}`);
    const near = fc.array(spec, { minLength: 1, maxLength: 6 }).map((list) => `bytes=${list.join(',')}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), fc.nat(1000), (range, length) => {
        const answer = ask({ range }, { length });
        const text = bodyText(answer);
        if (answer.status === 416) expect(header(answer, 'Content-Range')).toBe(`bytes */${length}`);
        else expect(header(answer, 'Content-Length')).toBe(String(text.length));
        const single = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(header(answer, 'Content-Range') ?? '');
        if (single) {
          const [first, last, size] = single.slice(1).map(Number) as [number, number, number];
          expect(size).toBe(length);
          expect(answer.body).toEqual([{ start: first, end: last + 1 }]);
        }
        for (const part of answer.body)
          if (typeof part !== 'string')
            expect(part.start >= 0 && part.start < part.end && part.end <= length).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('contentDisposition', () => {
  it.each([
    ['film.mp4', `filename="film.mp4"; filename*=UTF-8''film.mp4`],
    ["Ümläut's (1).mp4", `filename="_ml_ut's (1).mp4"; filename*=UTF-8''%C3%9Cml%C3%A4ut%27s%20%281%29.mp4`],
    ['a"b\\c%41\r\nX: y', `filename="a_b_c_41__X: y"; filename*=UTF-8''a%22b%5Cc%2541%0D%0AX%3A%20y`],
    ['\ud800', `filename="_"; filename*=UTF-8''%EF%BF%BD`],
  ])('names %j', (name, parameters) => {
    expect(contentDisposition('attachment', name)).toBe(`attachment; ${parameters}`);
    expect(contentDisposition('inline', name)).toBe(`inline; ${parameters}`);
  });
});
