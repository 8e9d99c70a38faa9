/** The `freshet` command as a user has it: built, in processes of its own, over loopback. */

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildInfo, encodeTorrent, parseTorrent } from 'freshet/protocol';
import { createTracker, type Tracker } from 'freshet-tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { makeFile, makeTempDir, removeDir, sha256 } from '../support/files.ts';
import { freePort } from '../support/ports.ts';
import { Program } from '../support/process.ts';
import { waitUntil } from '../support/wait.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = join(root, 'packages/cli/dist/main.js');

const SIZE = 24_000_000;

let folder: string;
let film: string;
let tracker: Tracker;
let announce: string;
let torrent: string;
const running = new Set<Cli>();

/** One run of the command. */
class Cli extends Program {
  readonly lines: string[] = [];
  stdout = '';
  stderr = '';

  constructor(...args: string[]) {
    super(`freshet ${args[0]}`, process.execPath, [cli, ...args]);
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr!.on('data', (text: string) => {
      this.stderr += text;
    });
    running.add(this);
    void this.exited.then(() => running.delete(this));
  }

  /** The objects that `--json` has printed so far. */
  get events(): Record<string, unknown>[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The first event of this name, once it is there. */
  event(name: string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined => this.events.find(({ event }) => event === name);
    return this.orEnd(waitUntil(`event ${name}`, find, { timeout: 20_000 }), 21_000, `told ${name}`);
  }
}

async function run(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const program = new Cli(...args);
  const code = await program.exited;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** One sentence for a person: no stack trace, and it names the thing. */
function expectSentence(stderr: string, ...parts: (string | RegExp)[]): void {
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/^freshet: .*[.!?]\n$/);
  for (const part of parts) expect(stderr).toMatch(part);
}

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-b',
    join(root, 'packages/cli'),
  ]);
  const page = join(root, 'packages/cli/dist/site/index.html');
  if (!existsSync(page))
    await promisify(execFile)(process.execPath, [join(root, 'scripts/build-browser.mjs')]);
  folder = await makeTempDir('cli');
  film = join(folder, 'film.mp4');
  await makeFile(film, SIZE);
  tracker = createTracker({ host: '127.0.0.1', port: 0 });
  announce = (await tracker.listen()).httpUrl;
  torrent = join(folder, 'film.torrent');
  const created = await run('create', film, '-o', torrent, '-t', announce);
  expect(created.stderr).toBe('');
  expect(created.code).toBe(0);
});

afterAll(async () => {
  await Promise.all([...running].map((program) => program.stop()));
  await tracker?.close();
  await removeDir(folder);
});

describe('create and info', () => {
  it('writes a torrent file that says what was asked for', async () => {
    const data = join(folder, 'holiday');
    await makeFile(join(data, 'one.jpg'), 30_000, 2);
    await makeFile(join(data, 'more', 'two.jpg'), 40_000, 3);
    const file = join(folder, 'holiday.torrent');
    const options = ['--name', 'Holiday', '--comment', 'Sun', '--piece-length', '32KiB', '--private'];
    const trackers = ['-t', 'wss://a.example', '-t', 'https://b.example/announce'];
    const { code, stdout } = await run(
      ...['create', data, '-o', file, ...options, ...trackers, '--web-seed', 'https://c.example/'],
    );
    expect(code).toBe(0);
    const parsed = parseTorrent(await readFile(file));
    expect(parsed.info).toMatchObject({ name: 'Holiday', pieceLength: 32_768, private: true });
    expect(parsed).toMatchObject({ comment: 'Sun', urlList: ['https://c.example/'] });
    expect(parsed.announceTiers.flat()).toEqual(['wss://a.example', 'https://b.example/announce']);
    const infoHash = createHash('sha1').update(parsed.infoBytes).digest('hex');
    expect(stdout).toContain(infoHash);
    expect(stdout).toContain(`magnet:?xt=urn:btih:${infoHash}`);

    const described = JSON.parse((await run('info', file, '--json')).stdout) as object;
    expect(described).toMatchObject({
      name: 'Holiday',
      infoHash,
      length: 70_000,
      files: [
        { number: 1, path: 'Holiday/more/two.jpg', length: 40_000 },
        { number: 2, path: 'Holiday/one.jpg', length: 30_000 },
      ],
    });
    const { stdout: text } = await run('info', file);
    expect(text).toContain('2   30.0 kB  Holiday/one.jpg');
  });

  it.each(['v1', 'v2', 'hybrid'])(
    'makes a torrent of format %s and tells every hash of it',
    async (format) => {
      const file = join(folder, `film-${format}.torrent`);
      const { code, stdout } = await run('create', film, '-o', file, '--format', format, '-t', announce);
      expect(code).toBe(0);
      const { info, infoBytes, pieceLayers } = parseTorrent(await readFile(file));
      expect([info.hasV1, info.hasV2]).toEqual([format !== 'v2', format !== 'v1']);
      expect(pieceLayers.size).toBe(format === 'v1' ? 0 : 1);
      const digest = (algorithm: string): string => createHash(algorithm).update(infoBytes).digest('hex');
      const hashes = [
        ...(info.hasV1 ? [`xt=urn:btih:${digest('sha1')}`] : []),
        ...(info.hasV2 ? [`xt=urn:btmh:1220${digest('sha256')}`] : []),
      ];
      expect(stdout).toContain(`Magnet    magnet:?${hashes.join('&')}&dn=film.mp4`);
      const { stdout: text } = await run('info', file);
      expect(text).toMatch(new RegExp(`^Format +${format}`, 'm'));
      expect(/^Info-hash +(\w+)$/m.exec(text)?.[1]).toBe(info.hasV1 ? digest('sha1') : undefined);
      expect(/^v2 hash +(\w+)$/m.exec(text)?.[1]).toBe(info.hasV2 ? digest('sha256') : undefined);
      const wrong = await run('create', film, '-o', file, '--format', 'v3');
      expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('v1, v2, hybrid')]);
    },
  );

  it('writes to standard output, and only the torrent', async () => {
    const child = spawn(process.execPath, [cli, 'create', film, '-o', '-']);
    const parts: Buffer[] = [];
    for await (const part of child.stdout) parts.push(part as Buffer);
    expect(parseTorrent(Buffer.concat(parts)).info.length).toBe(SIZE);
  });

  it('replaces nothing without being told to', async () => {
    const before = await readFile(torrent);
    const { code, stderr } = await run('create', film, '-o', torrent);
    expect(code).toBe(2);
    expectSentence(stderr, 'film.torrent is there already', '--force');
    expect(await readFile(torrent)).toEqual(before);
  });

  it('shows hostile names without letting them do anything', async () => {
    const evil = join(folder, 'evil.torrent');
    const infoBytes = buildInfo({
      name: '..',
      pieceLength: 16_384,
      files: [
        { path: ['..', '..', 'etc', 'passwd'], length: 5 },
        { path: ['a\u001b[2J\u202egpj.exe'], length: 5 },
      ],
      pieces: new Uint8Array(20),
    });
    await writeFile(evil, encodeTorrent({ infoBytes, comment: '\u001b]0;owned\u0007' }));
    const { code, stdout } = await run('info', evil);
    expect(code).toBe(0);
    expect(stdout).not.toContain('..');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    const { stdout: json } = await run('info', evil, '--json');
    for (const { path } of (JSON.parse(json) as { files: { path: string }[] }).files) {
      expect(path.split('/')).not.toContain('..');
      expect(path).not.toContain('\u001b');
    }
  });

  it('says what a magnet link holds, and fetches the rest from peers', async () => {
    const seeder = new Cli('seed', torrent, '--data', folder, '--host', '127.0.0.1', '--no-webrtc', '--json');
    const { magnet, infoHash } = await seeder.event('seeding');
    const { stdout } = await run('info', String(magnet), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ infoHash, name: 'film.mp4', trackers: [[announce]] });
    expect(JSON.parse(stdout)).not.toHaveProperty('files');
    const { port } = await seeder.event('listening');
    const fetched = await run(
      ...['info', String(infoHash), '--fetch', '--peer', `127.0.0.1:${port}`, '--no-webrtc', '--json'],
    );
    expect(JSON.parse(fetched.stdout)).toMatchObject({
      infoHash,
      files: [{ path: 'film.mp4', length: SIZE }],
    });
    seeder.child.kill('SIGINT');
    expect(await seeder.exited).toBe(0);
    expect(seeder.events.at(-1)).toEqual({ event: 'stopped' });
  });
});

describe('download', () => {
  it('gets a film from a seeder, tells programs about it, and finds it there the next time', async () => {
    const seeder = new Cli('seed', torrent, '--data', folder, '--host', '127.0.0.1', '--no-webrtc', '--json');
    await seeder.event('seeding');
    const out = join(folder, 'out-whole');
    const args = ['download', torrent, '--out', out, '--host', '127.0.0.1', '--no-webrtc', '--json'];
    const first = new Cli(...args);
    expect(await first.exited).toBe(0);
    expect(await sha256(join(out, 'film.mp4'))).toBe(await sha256(film));
    const names = first.events.map(({ event }) => event);
    for (const name of ['listening', 'added', 'metadata', 'ready', 'progress', 'file', 'done']) {
      expect(names).toContain(name);
    }
    expect(first.events.at(-1)).toMatchObject({ event: 'done', verified: SIZE });

    await seeder.stop();
    const again = new Cli(...args);
    expect(await again.exited).toBe(0);
    expect(again.events.at(-1)).toMatchObject({ event: 'done', verified: SIZE, received: 0 });
  });

  it('goes on after kill -9 without getting again what it has', async () => {
    const out = join(folder, 'out-killed');
    const seeder = new Cli(
      ...[
        'seed',
        torrent,
        '--data',
        folder,
        '--host',
        '127.0.0.1',
        '--no-webrtc',
        '--limit-up',
        '4M',
        '--json',
      ],
    );
    await seeder.event('seeding');
    const args = ['download', torrent, '--out', out, '--host', '127.0.0.1', '--no-webrtc', '--json'];
    const killed = new Cli(...args);
    const had = await waitUntil(
      'half of the film',
      () => {
        const verified = Number(
          killed.events.findLast(({ event }) => event === 'progress')?.['verified'] ?? 0,
        );
        return verified > SIZE / 2 ? verified : undefined;
      },
      { timeout: 20_000 },
    );
    await killed.kill();
    const next = new Cli(...args);
    expect(await next.exited).toBe(0);
    const done = next.events.at(-1)!;
    expect(done).toMatchObject({ event: 'done', verified: SIZE });
    // What was verified in the very last moment may not have reached the disk.
    expect(Number(done['received'])).toBeLessThan(SIZE - had + 1_000_000);
    expect(await sha256(join(out, 'film.mp4'))).toBe(await sha256(film));
    await seeder.stop();
  });

  it('stops at Ctrl-C with 130, and goes on afterwards', async () => {
    const out = join(folder, 'out-stopped');
    const seeder = new Cli(
      ...[
        'seed',
        torrent,
        '--data',
        folder,
        '--host',
        '127.0.0.1',
        '--no-webrtc',
        '--limit-up',
        '4M',
        '--json',
      ],
    );
    await seeder.event('seeding');
    const args = ['download', torrent, '--out', out, '--host', '127.0.0.1', '--no-webrtc', '--json'];
    const stopped = new Cli(...args);
    await stopped.event('progress');
    stopped.child.kill('SIGINT');
    expect(await stopped.exited).toBe(130);
    expect(stopped.events.at(-1)).toEqual({ event: 'stopped' });
    const had = Number(stopped.events.findLast(({ event }) => event === 'progress')?.['verified']);
    expect(had).toBeGreaterThan(0);
    const next = new Cli(...args);
    expect(await next.exited).toBe(0);
    expect(Number(next.events.at(-1)!['received'])).toBeLessThanOrEqual(SIZE - had);
    await seeder.stop();
  });

  it('gets selected files only, and makes no others', async () => {
    const data = join(folder, 'series');
    for (const [i, name] of ['a.mkv', 'b.mkv', 'notes.txt'].entries()) {
      await makeFile(join(data, name), 300_000, 10 + i);
    }
    const file = join(folder, 'series.torrent');
    const seeder = new Cli(
      ...[
        'seed',
        data,
        '--save-torrent',
        file,
        '-t',
        announce,
        '--host',
        '127.0.0.1',
        '--no-webrtc',
        '--json',
      ],
    );
    await seeder.event('seeding');
    const out = join(folder, 'out-selected');
    const { code } = await run(
      ...['download', file, '-o', out, '-s', '2,*.txt', '--host', '127.0.0.1', '--no-webrtc'],
    );
    expect(code).toBe(0);
    expect(await sha256(join(out, 'series/b.mkv'))).toBe(await sha256(join(data, 'b.mkv')));
    expect(await sha256(join(out, 'series/notes.txt'))).toBe(await sha256(join(data, 'notes.txt')));
    await expect(stat(join(out, 'series/a.mkv'))).rejects.toThrow('ENOENT');
    const none = await run('download', file, '-o', out, '-s', '*.avi', '--host', '127.0.0.1', '--no-webrtc');
    expect(none.code).toBe(2);
    expectSentence(none.stderr, '--select "*.avi" fits no file');
    await seeder.stop();
  });

  it('streams over HTTP with ranges while it downloads', async () => {
    const seeder = new Cli(
      ...[
        'seed',
        torrent,
        '--data',
        folder,
        '--host',
        '127.0.0.1',
        '--no-webrtc',
        '--limit-up',
        '6M',
        '--json',
      ],
    );
    await seeder.event('seeding');
    const out = join(folder, 'out-stream');
    const viewer = new Cli(
      ...['download', torrent, '-o', out, '--stream', '--host', '127.0.0.1', '--no-webrtc', '--json'],
    );
    const { files } = (await viewer.event('stream')) as { files: { url: string }[] };
    const start = SIZE - 200_000;
    const response = await fetch(files[0]!.url, { headers: { range: `bytes=${start}-${start + 99_999}` } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${start + 99_999}/${SIZE}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.equals((await readFile(film)).subarray(start, start + 100_000))).toBe(true);
    // The end of the film was there before all of it.
    expect(viewer.events.some(({ event }) => event === 'done')).toBe(false);
    await viewer.event('done');
    expect(viewer.ended).toBeUndefined();
    viewer.child.kill('SIGINT');
    expect(await viewer.exited).toBe(0);
    await seeder.stop();
  });
});

describe('bad input', () => {
  it.each([
    [['download'], 2, /missing required argument/],
    [['watch'], 2, /unknown command/],
    [['download', 'x', '--limit-down', 'fast'], 2, /--limit-down.*500k/],
    [['download', 'x', '--peer', 'nowhere'], 2, /--peer.*host:port/],
  ])('%j is wrong usage', async (args, code, message) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stdout).toBe('');
  });

  it('help and version are no failure', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await run('download', '--help');
    expect(code).toBe(0);
    for (const part of ['Exit codes:', 'Examples:', '--select', '"event"']) expect(stdout).toContain(part);
  });

  it('names a torrent file that is truncated, missing, or a film', async () => {
    const short = join(folder, 'short.torrent');
    await cp(torrent, short);
    await truncate(short, 150);
    const truncated = await run('download', short);
    expect(truncated.code).toBe(2);
    expectSentence(truncated.stderr, 'short.torrent cannot be used');
    const missing = await run('download', join(folder, 'nowhere.torrent'));
    expect(missing.code).toBe(2);
    expectSentence(missing.stderr, 'There is no file', 'nowhere.torrent');
    const wrong = await run('info', film);
    expect(wrong.code).toBe(2);
    expectSentence(wrong.stderr, 'film.mp4 cannot be used');
  });

  it('names what a magnet link lacks', async () => {
    const noHash = await run('download', 'magnet:?dn=film&tr=http://127.0.0.1:1/announce');
    expect(noHash.code).toBe(2);
    expectSentence(noHash.stderr, 'no info-hash');
    const nobody = await run('download', 'magnet:?xt=urn:btih:0123456789012345678901234567890123456789');
    expect(nobody.code).toBe(3);
    expectSentence(nobody.stderr, '--tracker', '--peer');
  });

  it('gives up with 3 when nobody has it, as a sentence and as JSON', async () => {
    const magnet = `magnet:?xt=urn:btih:0123456789012345678901234567890123456789&tr=${encodeURIComponent(announce)}`;
    const { code, stdout, stderr } = await run(
      ...['download', magnet, '-o', folder, '--timeout', '1', '--host', '127.0.0.1', '--no-webrtc', '--json'],
    );
    expect(code).toBe(3);
    expectSentence(stderr, 'within 1 s');
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ event: 'error', exitCode: 3 });
  });

  it('goes on when a tracker cannot be reached, and says so', async () => {
    const dead = `http://127.0.0.1:${await freePort()}/announce`;
    const { code, stdout } = await run(
      ...['download', torrent, '-o', join(folder, 'out-whole'), '-t', dead, '--host', '127.0.0.1', '--json'],
    );
    expect(code).toBe(0);
    const magnet = `magnet:?xt=urn:btih:0123456789012345678901234567890123456789&tr=${encodeURIComponent(dead)}`;
    const alone = new Cli('download', magnet, '-o', folder, '--host', '127.0.0.1', '--no-webrtc', '--json');
    const { message } = await alone.event('warning');
    expect(message).toContain(dead.slice(0, -'/announce'.length));
    expect(alone.ended).toBeUndefined();
    await alone.stop();
    expect(stdout).toContain('"done"');
  });

  it('ends with 4 when the folder cannot be written', async () => {
    // Nobody, not even root, makes files there.
    const { code, stderr } = await run('download', torrent, '--out', '/proc/freshet', '--no-webrtc');
    expect(code).toBe(4);
    expectSentence(stderr, '/proc/freshet', 'choose another');
    if (process.getuid?.() !== 0) {
      const closed = join(folder, 'closed');
      await mkdir(closed);
      await chmod(closed, 0o555);
      const refused = await run(
        'download',
        torrent,
        '--out',
        closed,
        '--no-webrtc',
        '--web-seed',
        'http://127.0.0.1:1/',
      );
      expect(refused.code).toBe(4);
      expectSentence(refused.stderr, 'closed');
    }
    const file = await run('download', torrent, '--out', film);
    expect(file.code).toBe(2);
    expectSentence(file.stderr, 'film.mp4 is not a folder');
  });

  it('says which port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const port = String((other.address() as AddressInfo).port);
    try {
      const runs = await Promise.all([
        run('tracker', '--port', port, '--host', '127.0.0.1'),
        run('serve', film, '--port', port),
        run('seed', film, '--port', port, '--host', '127.0.0.1', '--no-webrtc'),
      ]);
      for (const { code, stderr } of runs) {
        expect(code).toBe(1);
        expectSentence(stderr.replace(/^Warning: .*\n/gm, ''), new RegExp(`port ${port}`, 'i'), 'another');
      }
    } finally {
      other.close();
    }
  });

  it('names what cannot be seeded', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty, { recursive: true });
    for (const command of ['seed', 'create', 'serve']) {
      const missing = await run(command, join(folder, 'nothing-here'));
      expect(missing.code).toBe(2);
      expectSentence(missing.stderr, 'There is no file or folder', 'nothing-here');
      const nothing = await run(command, empty);
      expect(nothing.code).toBe(2);
      expectSentence(nothing.stderr, 'empty', 'nothing to seed');
    }
    const part = join(folder, 'part');
    await mkdir(part, { recursive: true });
    await cp(film, join(part, 'film.mp4'));
    await truncate(join(part, 'film.mp4'), SIZE / 2);
    const incomplete = await run('seed', torrent, '--data', part, '--host', '127.0.0.1', '--no-webrtc');
    expect(incomplete.code).toBe(1);
    expectSentence(incomplete.stderr, /has only \d+\.\d% of film\.mp4/, 'freshet download');
  });
});

describe('tracker', () => {
  it('says where it is, counts, and stops cleanly', async () => {
    const program = new Cli('tracker', '--port', '0', '--host', '127.0.0.1', '--json');
    const { wsUrl, httpUrl } = await program.event('listening');
    const scrape = await fetch(String(httpUrl).replace('announce', 'stats.json'));
    expect(await scrape.json()).toMatchObject({ swarms: 0 });
    const socket = new WebSocket(String(wsUrl));
    await new Promise((resolve) => socket.once('open', resolve));
    await waitUntil('a count', () => program.events.some((event) => event['connections'] === 1), {
      timeout: 5_000,
    });
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(0);
    expect(program.events.at(-1)).toEqual({ event: 'stopped' });
  });
});

describe('serve', () => {
  it('is page, API, torrent, web seed and tracker on one port', async () => {
    const shared = join(folder, 'shared film.mp4');
    await makeFile(shared, 3_000_000, 77);
    const site = new Cli('serve', shared, '--port', '0', '--no-webrtc', '--json');
    const { port } = await site.event('ready');
    const base = `http://127.0.0.1:${port}`;

    const page = await fetch(`${base}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/text\/html/);

    const { torrents, tracker: own } = (await (await fetch(`${base}/api/site.json`)).json()) as {
      tracker: string;
      torrents: {
        infoHash: string;
        magnet: string;
        torrent: string;
        files: { url: string; length: number }[];
      }[];
    };
    expect(own).toBe(`ws://127.0.0.1:${port}/announce`);
    const [described] = torrents;
    expect(described).toMatchObject({
      name: 'shared film.mp4',
      files: [{ length: 3_000_000, type: 'video/mp4' }],
    });
    expect(described!.magnet).toContain(encodeURIComponent(own));

    const range = await fetch(base + described!.files[0]!.url, {
      headers: { range: 'bytes=1000-1999', origin: 'https://elsewhere.example' },
    });
    expect(range.status).toBe(206);
    expect(range.headers.get('content-range')).toBe('bytes 1000-1999/3000000');
    expect(range.headers.get('access-control-allow-origin')).toBe('*');
    const bytes = Buffer.from(await range.arrayBuffer());
    expect(bytes.equals((await readFile(shared)).subarray(1000, 2000))).toBe(true);
    const beyond = await fetch(base + described!.files[0]!.url, { headers: { range: 'bytes=3000000-' } });
    expect(beyond.status).toBe(416);
    for (const path of [
      '/webseed/../film.mp4',
      '/webseed/%2e%2e/film.mp4',
      '/webseed/film.mp4',
      '/torrents/x.torrent',
    ]) {
      expect((await fetch(base + path)).status).toBe(404);
    }

    const socket = new WebSocket(own);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.close();

    // A peer of any kind gets it with the torrent file alone.
    const out = join(folder, 'out-served');
    const { code } = await run('download', base + described!.torrent, '-o', out, '--host', '127.0.0.1', '-q');
    expect(code).toBe(0);
    expect(await sha256(join(out, 'shared film.mp4'))).toBe(await sha256(shared));
    const stats = (await (await fetch(`${base}/api/stats.json`)).json()) as {
      upload: { tcp: number };
      webSeed: { bytes: number };
    };
    expect(stats.upload.tcp + stats.webSeed.bytes).toBeGreaterThanOrEqual(3_000_000);

    // Changed under the seeder: what it would send is not what was hashed.
    await utimes(shared, new Date(0), new Date(0));
    expect((await fetch(base + described!.files[0]!.url)).status).toBe(410);
    expect(String((await site.event('warning'))['message'])).toContain('shared film.mp4 has changed');
    expect((await fetch(`${base}/`)).status).toBe(200);

    site.child.kill('SIGINT');
    expect(await site.exited).toBe(0);
  });

  it('gives no web seed when told so, and links with the name it is asked by', async () => {
    const site = new Cli('serve', film, '--port', '0', '--no-webrtc', '--no-web-seed', '--json');
    const { port } = await site.event('ready');
    const response = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        [
          '-e',
          `require('http').get({host:'127.0.0.1',port:${port},path:'/api/site.json',headers:{host:'films.local:${port}'}},r=>r.pipe(process.stdout))`,
        ],
        (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
      );
    });
    const { tracker: own, torrents } = JSON.parse(response) as {
      tracker: string;
      torrents: { webSeeds: string[]; magnet: string }[];
    };
    expect(own).toBe(`ws://films.local:${port}/announce`);
    expect(torrents[0]!.webSeeds).toEqual([]);
    expect(torrents[0]!.magnet).not.toContain('&ws=');
    expect((await fetch(`http://127.0.0.1:${port}/webseed/film.mp4`)).status).toBe(404);
    await site.stop();
  });
});
