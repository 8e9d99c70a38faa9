import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SharedFile, SharedTorrent } from './catalogue.ts';
import { WebSeed } from './web-seed.ts';

const content = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);
const modified = new Date(1_000_000_000_000);

let folder: string;
let server: Server;
let base: string;
let seed: WebSeed;
let changed: SharedFile[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-web-seed-'));
  const source = join(folder, 'a film.mp4');
  await writeFile(source, content);
  await utimes(source, modified, modified);
  const empty = join(folder, 'empty');
  await writeFile(empty, '');
  await utimes(empty, modified, modified);
  changed = [];
  seed = new WebSeed({ onChanged: (file) => changed.push(file) });
  seed.add({
    infoHash: 'f'.repeat(40),
    name: 'Films',
    webSeedBase: '/webseed/',
    files: [
      { path: "Films/a film's [1].mp4", length: 10_000, source, modified: modified.getTime() },
      { path: 'Films/empty', length: 0, source: empty, modified: modified.getTime() },
    ],
  } as unknown as SharedTorrent);
  server = createServer((request, response) => void seed.handle(request.url!, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const FILM = '/webseed/Films/a%20film%27s%20%5B1%5D.mp4';

async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(base + path, { method, headers });
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

describe('WebSeed', () => {
  it.each([
    [undefined, 200, 0, 10_000],
    ['bytes=0-99', 206, 0, 100],
    ['bytes=9990-', 206, 9_990, 10_000],
    ['bytes=9990-99999', 206, 9_990, 10_000],
    ['bytes=-5', 206, 9_995, 10_000],
    ['bytes=0-0,5-6', 200, 0, 10_000],
    ['lines=1-2', 200, 0, 10_000],
  ])('answers range %s with %d', async (range, status, start, end) => {
    const { response, bytes } = await get(FILM, range === undefined ? {} : { range });
    expect(response.status).toBe(status);
    expect(bytes).toEqual(content.subarray(start, end));
    expect(response.headers.get('content-type')).toBe('video/mp4');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(seed.counters).toMatchObject({ bytes: end - start, requests: 1 });
  });

  it('finds a file however its address is escaped', async () => {
    expect((await get("/webseed/Films/a%20film's%20[1].mp4")).response.status).toBe(200);
  });

  it('answers HEAD, empty files and preflights without a body', async () => {
    const head = await get(FILM, {}, 'HEAD');
    expect([head.response.status, head.response.headers.get('content-length')]).toEqual([200, '10000']);
    expect((await get('/webseed/Films/empty')).response.status).toBe(200);
    const preflight = await get(FILM, { origin: 'https://elsewhere.example' }, 'OPTIONS');
    expect(preflight.response.status).toBe(204);
    expect(preflight.response.headers.get('access-control-allow-headers')).toContain('range');
    expect(seed.counters.bytes).toBe(0);
  });

  it.each([
    ['/webseed/Films/none.mp4', 'GET', 404],
    ['/webseed/Films/', 'GET', 404],
    ['/webseed/%E0%A4%A', 'GET', 404],
    ['/webseed/Films/%2e%2e%2fFilms%2fempty', 'GET', 404],
    [FILM, 'POST', 405],
  ])('refuses %s %s with %d', async (path, method, status) => {
    expect((await get(path, {}, method)).response.status).toBe(status);
  });

  it('says where a file ends', async () => {
    const { response } = await get(FILM, { range: 'bytes=10000-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */10000');
  });

  it('sends the whole file when the range was meant for another version', async () => {
    const other = await get(FILM, { range: 'bytes=0-9', 'if-range': '"other"' });
    expect(other.response.status).toBe(200);
    const same = await get(FILM, { range: 'bytes=0-9', 'if-range': `"${'f'.repeat(40)}"` });
    expect(same.response.status).toBe(206);
  });

  it('serves nothing of a file that has changed, and tells once', async () => {
    await writeFile(
      join(folder, 'a film.mp4'),
      content.map((byte) => byte ^ 1),
    );
    expect((await get(FILM)).response.status).toBe(410);
    await rm(join(folder, 'a film.mp4'));
    expect((await get(FILM)).response.status).toBe(410);
    expect(changed).toHaveLength(1);
  });
});
