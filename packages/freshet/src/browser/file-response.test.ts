import { describe, expect, it } from 'vitest';
import type { FileRequestMessage } from './file-protocol.ts';
import { type FileHead, fileHead } from './file-response.ts';

const FILE = { name: "Ümläut's (1).mp4", length: 1000, type: 'video/mp4', etag: '"e1"' };

function ask(request: Partial<FileRequestMessage>, file: Partial<typeof FILE> = {}): FileHead {
  const base = {
    freshet: 'file',
    url: '',
    method: 'GET',
    range: undefined,
    ifRange: undefined,
    destination: '',
  } as const;
  return fileHead({ ...base, ...request }, { ...FILE, ...file });
}

function header({ headers }: FileHead, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}

describe('fileHead', () => {
  it('gives the whole file', () => {
    const head = ask({});
    expect(head).toMatchObject({ status: 200, body: { start: 0, end: 999 } });
    expect(header(head, 'Content-Length')).toBe('1000');
    expect(header(head, 'Accept-Ranges')).toBe('bytes');
    expect(header(head, 'Content-Type')).toBe('video/mp4');
  });

  it.each([
    ['bytes=0-', 0, 999],
    ['bytes=10-19', 10, 19],
    ['bytes=990-2000', 990, 999],
    ['bytes=-3', 997, 999],
  ])('gives the range %s', (range, start, end) => {
    const head = ask({ range });
    expect(head).toMatchObject({ status: 206, body: { start, end } });
    expect(header(head, 'Content-Range')).toBe(`bytes ${start}-${end}/1000`);
    expect(header(head, 'Content-Length')).toBe(String(end - start + 1));
  });

  it('refuses a range behind the end', () => {
    const head = ask({ range: 'bytes=1000-' });
    expect(head).toMatchObject({ status: 416, body: undefined });
    expect(header(head, 'Content-Range')).toBe('bytes */1000');
  });

  it.each(['bytes=5-1', 'lines=1-2', 'bytes=0-1,5-6'])('answers %s with everything', (range) => {
    expect(ask({ range })).toMatchObject({ status: 200, body: { start: 0, end: 999 } });
  });

  it('ignores a range of another version of the file', () => {
    expect(ask({ range: 'bytes=1-2', ifRange: '"e0"' }).status).toBe(200);
    expect(ask({ range: 'bytes=1-2', ifRange: '"e1"' }).status).toBe(206);
  });

  it('has no body for HEAD and for an empty file', () => {
    const head = ask({ method: 'HEAD', range: 'bytes=1-2' });
    expect(head).toMatchObject({ status: 206, body: undefined });
    expect(header(head, 'Content-Length')).toBe('2');
    expect(ask({}, { length: 0 })).toMatchObject({ status: 200, body: undefined });
  });

  it('lets no file run as a page of this site', () => {
    for (const type of ['text/html; charset=utf-8', 'image/svg+xml', 'application/xml', 'text/javascript']) {
      expect(header(ask({ destination: 'iframe' }, { type }), 'Content-Security-Policy')).toBe('sandbox');
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
    expect(header(head, 'Content-Disposition')).toBe(
      "attachment; filename*=UTF-8''%C3%9Cml%C3%A4ut%27s%20%281%29.mp4",
    );
  });
});
