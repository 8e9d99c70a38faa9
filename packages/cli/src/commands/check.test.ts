import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Client from 'freshet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { check } from './check.ts';

let root = '';
const lines: string[] = [];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'freshet-check-'));
  lines.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(...String(text).trim().split('\n'));
    return true;
  });
  writeFileSync(join(root, 'film.bin'), Buffer.alloc(300_000, 'f'));
  const client = new Client({ tracker: false, webrtc: false, tcp: false, host: '127.0.0.1' });
  const torrent = await client.seed(join(root, 'film.bin'), { pieceLength: 65_536 }).untilDone();
  writeFileSync(join(root, 'film.torrent'), torrent.torrentFile!);
  await client.destroy();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

function last(): Record<string, unknown> {
  return JSON.parse(lines.at(-1)!) as Record<string, unknown>;
}

describe('freshet check', () => {
  it('says that everything is right, and what is not', async () => {
    const torrent = join(root, 'film.torrent');
    expect(await check(torrent, { data: root, json: true })).toBe(0);
    expect(last()).toMatchObject({ event: 'checked', verified: 300_000, length: 300_000 });
    truncateSync(join(root, 'film.bin'), 200_000);
    expect(await check(torrent, { data: root, json: true })).toBe(1);
    expect(last()).toMatchObject({
      verified: 3 * 65_536,
      files: [{ number: 1, path: 'film.bin', length: 300_000, verified: 3 * 65_536 }],
    });
  });

  it('refuses what is no folder and no torrent', async () => {
    const data = join(root, 'film.bin');
    await expect(check(join(root, 'film.torrent'), { data })).rejects.toThrow('is not a folder');
    await expect(check(join(root, 'none.torrent'), { data: root })).rejects.toThrow('cannot be read');
  });
});
