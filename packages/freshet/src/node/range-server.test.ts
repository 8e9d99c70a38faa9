import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createRangeServer,
  type RangeServer,
  type RangeServerOptions,
  type ServedFile,
} from './range-server.ts';

const CONTENT = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff);

function file(over: Partial<ServedFile> = {}): ServedFile {
  return {
    name: 'Grün "x" film.mp4',
    length: CONTENT.length,
    etag: 'abcd-0',
    async *read(start, end) {
      for (let at = start; at <= end; at += 64) yield CONTENT.subarray(at, Math.min(end + 1, at + 64));
    },
    ...over,
  };
}

let server: RangeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(
  files: Record<string, ServedFile>,
  options: Partial<RangeServerOptions> = {},
): Promise<string> {
  server = createRangeServer({
    async lookup(pathname) {
      if (pathname === '/') {
        return {
          title: 'Torrents <b>',
          entries: [
            { name: 'a&b', href: '/f', length: 1_500_000 },
            { name: 'bad', href: 'javascript:alert(1)' },
          ],
        };
      }
      return files[pathname];
    },
    ...options,
  });
  return `http://127.0.0.1:${await server.listen(0)}`;
}

async function bytes(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

describe('range server', () => {
  it('serves a whole file with all it has to say about it', async () => {
    const base = await serve({ '/f': file() });
    const response = await fetch(`${base}/f?download`);
    expect(response.status).toBe(200);
    expect(await bytes(response)).toEqual(CONTENT);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '1000',
      'accept-ranges': 'bytes',
      etag: '"abcd-0"',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'content-disposition': `inline; filename="Gr_n _x_ film.mp4"; filename*=UTF-8''Gr%C3%BCn%20%22x%22%20film.mp4`,
    });
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-', 0, 999],
    ['bytes=990-', 990, 999],
    ['bytes=-1', 999, 999],
    ['bytes=-5000', 0, 999],
    ['bytes=100-199', 100, 199],
    ['bytes=999-100000', 999, 999],
    ['BYTES = 5-6', 5, 6],
  ])('answers %s with exactly that', async (range, start, end) => {
    const base = await serve({ '/f': file() });
    const response = await fetch(`${base}/f`, { headers: { Range: range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/1000`);
    expect(response.headers.get('content-length')).toBe(String(end - start + 1));
    expect(await bytes(response)).toEqual(CONTENT.slice(start, end + 1));
  });

  it('answers 416 beyond the end, and ignores what is no range', async () => {
    const base = await serve({ '/f': file(), '/empty': file({ length: 0 }) });
    for (const range of ['bytes=1000-', 'bytes=-0']) {
      const response = await fetch(`${base}/f`, { headers: { Range: range } });
      expect(response.status).toBe(416);
      expect(response.headers.get('content-range')).toBe('bytes */1000');
      await response.text();
    }
    for (const range of ['bytes=5-2', 'items=0-1', 'bytes=x-y']) {
      const response = await fetch(`${base}/f`, { headers: { Range: range } });
      expect([response.status, (await bytes(response)).length]).toEqual([200, 1000]);
    }
    const empty = await fetch(`${base}/empty`);
    expect([empty.status, (await bytes(empty)).length]).toEqual([200, 0]);
    expect((await fetch(`${base}/empty`, { headers: { Range: 'bytes=0-' } })).status).toBe(416);
  });

  it('answers several ranges as parts, unless they repeat each other', async () => {
    const base = await serve({ '/f': file() });
    const response = await fetch(`${base}/f`, { headers: { Range: 'bytes=0-1, 500-503, -2' } });
    expect(response.status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(
      response.headers.get('content-type')!,
    )![1];
    const body = Buffer.from(await bytes(response)).toString('latin1');
    expect(body.length).toBe(Number(response.headers.get('content-length')));
    const part = (start: number, end: number): string =>
      `--${boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes ${start}-${end}/1000\r\n\r\n${Buffer.from(
        CONTENT.subarray(start, end + 1),
      ).toString('latin1')}\r\n`;
    expect(body).toBe(`${part(0, 1)}${part(500, 503)}${part(998, 999)}--${boundary}--\r\n`);
    const repeated = await fetch(`${base}/f`, { headers: { Range: 'bytes=0-,0-,0-' } });
    expect([repeated.status, (await bytes(repeated)).length]).toEqual([200, 1000]);
  });

  it('keeps conditions: If-Range and If-None-Match', async () => {
    const base = await serve({ '/f': file() });
    const get = (headers: Record<string, string>): Promise<Response> => fetch(`${base}/f`, { headers });
    expect((await get({ Range: 'bytes=0-1', 'If-Range': '"abcd-0"' })).status).toBe(206);
    expect((await get({ Range: 'bytes=0-1', 'If-Range': '"other"' })).status).toBe(200);
    expect((await get({ Range: 'bytes=0-1', 'If-Range': 'Sat, 01 Jan 2000 00:00:00 GMT' })).status).toBe(200);
    expect((await get({ 'If-None-Match': '"x", W/"abcd-0"' })).status).toBe(304);
    expect((await get({ 'If-None-Match': '"x"' })).status).toBe(200);
  });

  it('answers HEAD without a body and without reading', async () => {
    let reads = 0;
    const counting = file({
      async *read() {
        reads++;
        yield new Uint8Array(0);
      },
    });
    const base = await serve({ '/f': counting });
    const response = await fetch(`${base}/f`, { method: 'HEAD', headers: { Range: 'bytes=0-1' } });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '1000']);
    expect(await response.text()).toBe('');
    expect(reads).toBe(0);
  });

  it('answers preflights, and says no to what it does not do', async () => {
    const base = await serve({ '/f': file() });
    const preflight = await fetch(`${base}/f`, {
      method: 'OPTIONS',
      headers: { Origin: 'https://a.example', 'Access-Control-Request-Headers': 'range,x-y' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('range,x-y');
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS');
    const post = await fetch(`${base}/f`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    const missing = await fetch(`${base}/nothing`);
    expect([missing.status, await missing.text()]).toEqual([404, 'There is nothing at this address.\n']);
  });

  it('lets only the origins read that it is told to', async () => {
    const allowed = async (origin: string | false, from: string): Promise<string | null> => {
      const base = await serve({ '/f': file() }, { origin });
      const response = await fetch(`${base}/f`, { headers: { Origin: from } });
      await response.arrayBuffer();
      await server?.close();
      return response.headers.get('access-control-allow-origin');
    };
    expect(await allowed('https://a.example', 'https://a.example')).toBe('https://a.example');
    expect(await allowed('https://a.example', 'https://b.example')).toBeNull();
    expect(await allowed(false, 'https://a.example')).toBeNull();
  });

  it('refuses other host names when it has one', async () => {
    const base = await serve({ '/f': file() }, { hostname: ['localhost', '[::1]'] });
    const port = Number(new URL(base).port);
    const ask = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = httpRequest(
          { port, host: '127.0.0.1', path: '/f', headers: { Host: host } },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        request.on('error', reject).end();
      });
    expect(await ask(`localhost:${port}`)).toBe(200);
    expect(await ask('LOCALHOST.')).toBe(200);
    expect(await ask(`[::1]:${port}`)).toBe(200);
    expect(await ask('attacker.example')).toBe(403);
    expect(await ask(`127.0.0.1:${port}`)).toBe(403);
  });

  it('keeps pages of a torrent from acting for this server, and escapes names in its index', async () => {
    const base = await serve({ '/p': file({ name: 'page.html' }) });
    const response = await fetch(`${base}/p`);
    expect(response.headers.get('content-security-policy')).toBe('sandbox');
    await response.arrayBuffer();
    const page = await (await fetch(base)).text();
    expect(page).toContain('<h1>Torrents &#60;b&#62;</h1>');
    expect(page).toContain('<a href="/f">a&#38;b</a> <small>1.5 MB</small>');
    expect(page).not.toContain('"javascript:');
  });

  it('serves names that cannot be written', async () => {
    const base = await serve({ '/f': file({ name: '\ud800\r\nX: y.mp4' }) });
    const response = await fetch(`${base}/f`);
    await response.arrayBuffer();
    expect(response.headers.get('content-disposition')).toBe(
      `inline; filename="___X: y.mp4"; filename*=UTF-8''%EF%BF%BD%0D%0AX%3A%20y.mp4`,
    );
  });

  it('waits for a slow reader, and aborts the read when it goes away', async () => {
    let given = 0;
    let aborted = false;
    const chunk = new Uint8Array(64 * 1024);
    const endless = file({
      length: 2 ** 40,
      async *read(_start, _end, signal) {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        for (;;) {
          given += chunk.length;
          yield chunk;
        }
      },
    });
    const base = await serve({ '/f': endless });
    const socket = connect(Number(new URL(base).port), '127.0.0.1');
    socket.write('GET /f HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const before = given;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(given).toBe(before);
    expect(given).toBeLessThan(32 * 1024 * 1024);
    expect(aborted).toBe(false);
    socket.destroy();
    for (let i = 0; i < 200 && !aborted; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(aborted).toBe(true);
  });

  it('breaks the connection off when the file fails or ends early, and says so before the head', async () => {
    const failing = file({
      // biome-ignore lint/correctness/useYield: it fails before it gives anything.
      async *read() {
        throw new Error('gone');
      },
    });
    const short = file({
      async *read() {
        yield new Uint8Array(10);
      },
    });
    const base = await serve({ '/failing': failing, '/short': short });
    for (const path of ['/failing', '/short']) {
      await expect(fetch(`${base}${path}`).then(bytes)).rejects.toThrow();
    }
    await server?.close();
    const broken = await serve({}, { lookup: () => Promise.reject(new Error('gone')) });
    const response = await fetch(`${broken}/f`);
    expect([response.status, await response.text()]).toEqual([
      500,
      'The file cannot be read at the moment.\n',
    ]);
  });

  it('ends open answers when it closes, soon', async () => {
    let aborted = false;
    const hanging = file({
      async *read(_start, _end, signal) {
        yield new Uint8Array(10);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        aborted = true;
      },
    });
    const base = await serve({ '/f': hanging });
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpRequest(`${base}/f`, resolve).end();
    });
    const ended = new Promise((resolve) => response.once('error', resolve).once('close', resolve).resume());
    const start = performance.now();
    await server?.close();
    await server?.close();
    expect(performance.now() - start).toBeLessThan(1000);
    await ended;
    await new Promise((resolve) => setImmediate(resolve));
    expect(aborted).toBe(true);
  });

  it('names a port that is in use', async () => {
    const base = await serve({});
    const port = Number(new URL(base).port);
    await expect(createRangeServer({ lookup: async () => undefined }).listen(port)).rejects.toThrow(
      `Port ${port} is in use`,
    );
  });
});
