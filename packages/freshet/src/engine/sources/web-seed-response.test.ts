import { describe, expect, it } from 'vitest';
import { type Asked, judge, MAX_SKIP, retryAfter, waitInBody } from './web-seed-response.ts';

const ASKED: Asked = {
  style: 'range',
  url: 'http://h/f',
  file: 2,
  first: 1000,
  last: 1999,
  fileLength: 10_000,
};

function verdict(
  status: number,
  headers: Record<string, string> = {},
  asked: Asked = ASKED,
): ReturnType<typeof judge> {
  return judge({ status, url: asked.url, header: (name) => headers[name] }, asked, MAX_SKIP, 0);
}

describe('judge', () => {
  it('takes the range, a shorter one, and one of unknown total', () => {
    const body = { kind: 'body', skip: 0, whole: false };
    expect(verdict(206, { 'content-range': 'bytes 1000-1999/10000' })).toEqual({ ...body, length: 1000 });
    expect(verdict(206, { 'content-range': 'bytes 1000-1499/10000' })).toEqual({ ...body, length: 500 });
    expect(verdict(206, { 'content-range': 'bytes 1000-1999/*' })).toEqual({ ...body, length: 1000 });
    expect(verdict(206)).toEqual({ ...body, length: 1000 });
  });

  it('takes a whole file when the place wanted is near its front', () => {
    expect(verdict(200, { 'content-length': '10000' })).toEqual({
      kind: 'body',
      skip: 1000,
      length: 10_000,
      whole: true,
    });
    const deep = { ...ASKED, first: MAX_SKIP + 1, last: MAX_SKIP + 5, fileLength: 2 * MAX_SKIP };
    expect(verdict(200, {}, deep)).toMatchObject({ kind: 'refused', failure: { kind: 'no-ranges' } });
  });

  it.each([
    ['wrong', 200, { 'content-length': '9999' }],
    ['wrong', 206, { 'content-range': 'bytes 1000-2000/10000' }],
    ['wrong', 206, { 'content-range': 'bytes 0-999/10000' }],
    ['wrong', 206, { 'content-range': 'bytes 1000-1999/10001' }],
    ['wrong', 206, { 'content-length': '999' }],
    ['wrong', 206, { 'content-type': 'multipart/byteranges' }],
    ['wrong', 416, {}],
    ['missing', 401, {}],
    ['missing', 403, {}],
    ['missing', 404, {}],
    ['missing', 410, {}],
    ['busy', 429, {}],
    ['busy', 503, {}],
    ['network', 408, {}],
    ['network', 500, {}],
    ['network', 304, {}],
    ['network', 204, {}],
  ])('refuses as %s: HTTP %i with %o', (kind, status, headers) => {
    const refused = verdict(status, headers as Record<string, string>);
    expect(refused).toMatchObject({ kind: 'refused', failure: { kind, file: 2, url: 'http://h/f' } });
    expect(refused.kind === 'refused' && refused.failure.message).toMatch(/http:\/\/h\/f.*\.$/);
  });
});

describe('retryAfter', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['soon', undefined],
    ['0', 1000],
    ['45', 45_000],
    ['999999999', 600_000],
    ['Thu, 01 Jan 1970 00:02:00 GMT', 120_000],
    ['Thu, 01 Jan 1960 00:02:00 GMT', 1000],
  ])('%s: %s', (header, expected) => expect(retryAfter(header, 0)).toBe(expected));
});

describe('waitInBody', () => {
  it.each([
    ['45', 45_000],
    [' 3\n', 3000],
    ['0', 1000],
    ['99999999', 600_000],
    ['', undefined],
    ['-5', undefined],
    ['soon', undefined],
    ['<html>5', undefined],
  ])('%j: %s', (body, wait) => expect(waitInBody(body)).toBe(wait));
});
