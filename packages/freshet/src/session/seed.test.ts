import { describe, expect, it } from 'vitest';
import type { FileStore } from '../engine/storage/file-store.ts';
import { MemoryFileStore, MemoryHasher, VirtualClock } from '../memory/index.ts';
import { parseTorrent } from '../protocol/index.ts';
import type { PlacedSeedFile, SeedFile, SessionPlatform } from './platform.ts';
import { layOut, makeTorrent } from './seed.ts';

function seedFile(path: string, bytes: Uint8Array = new Uint8Array(1)): SeedFile {
  return { path: path.split('/'), length: bytes.length, content: { kind: 'bytes', bytes } };
}

describe('layOut', () => {
  const cases: [string, string[], string | undefined, { name: string; single: boolean; paths: string[] }][] =
    [
      ['one file', ['a.txt'], undefined, { name: 'a.txt', single: true, paths: ['a.txt'] }],
      ['one file by another name', ['a.txt'], 'b', { name: 'b', single: true, paths: ['a.txt'] }],
      ['a folder', ['f/a', 'f/s/b'], undefined, { name: 'f', single: false, paths: ['a', 's/b'] }],
      ['a folder of one', ['f/a'], undefined, { name: 'f', single: false, paths: ['a'] }],
      ['loose files', ['a', 'b'], undefined, { name: 'a', single: false, paths: ['a', 'b'] }],
      ['two folders', ['f/a', 'g/b'], 'both', { name: 'both', single: false, paths: ['f/a', 'g/b'] }],
      ['equal names', ['a', 'A'], undefined, { name: 'a', single: false, paths: ['a', 'A.1'] }],
      ['a name that leads elsewhere', ['a', 'b'], '../x', { name: '.._x', single: false, paths: ['a', 'b'] }],
    ];
  it.each(cases)('%s', (_, files, name, expected) => {
    const layout = layOut(
      files.map((path) => seedFile(path)),
      name,
    );
    const paths = layout.files.map(({ path }) => path.join('/'));
    expect({ name: layout.name, single: layout.single, paths }).toEqual(expected);
  });
});

function platform(files: Record<string, Uint8Array>): SessionPlatform {
  const store = new MemoryFileStore();
  return {
    ports: { clock: new VirtualClock(), hasher: new MemoryHasher() },
    listSeed: (path: string) => Promise.resolve([seedFile(path, files[path])]),
    folderOf: () => '/folder',
    openSeed: (placed: readonly PlacedSeedFile[]): FileStore => ({
      open: async (path) => {
        const found = placed.find((file) => file.path.join('/') === path.join('/'));
        const bytes = found?.seed.content.kind === 'bytes' ? found.seed.content.bytes : new Uint8Array();
        return {
          read: async (offset: number, into: Uint8Array) => {
            const part = bytes.subarray(offset, offset + into.length);
            into.set(part);
            return part.length;
          },
          write: () => Promise.reject(new Error('read only')),
          close: async () => undefined,
        };
      },
      stat: (path) => store.stat(path),
      remove: (path) => store.remove(path),
      label: (path) => path.join('/'),
    }),
  } as unknown as SessionPlatform;
}

describe('makeTorrent', () => {
  const bytes = Uint8Array.from({ length: 40_000 }, (_, index) => index & 255);

  it('hashes what is there and describes it', async () => {
    const progress: [number, number][] = [];
    const made = await makeTorrent(
      [{ kind: 'path', path: 'film.mp4' }],
      {
        pieceLength: 16_384,
        comment: 'c',
        createdBy: 'me',
        creationDate: 5_000,
        announce: ['wss://t'],
        private: true,
      },
      {
        platform: platform({ 'film.mp4': bytes }),
        cancelled: () => false,
        onProgress: (hashed, total) => progress.push([hashed, total]),
      },
    );
    const { info, announceTiers, comment, createdBy, creationDate } = parseTorrent(made.source.torrentFile!);
    expect({ announceTiers, comment, createdBy, creationDate }).toEqual({
      announceTiers: [['wss://t']],
      comment: 'c',
      createdBy: 'me',
      creationDate: 5,
    });
    expect([info.name, info.length, info.pieceCount, info.private]).toEqual(['film.mp4', 40_000, 3, true]);
    expect(info.pieceHash(2)).toEqual(await new MemoryHasher().sha1(bytes.subarray(32_768)));
    expect(progress.at(-1)).toEqual([40_000, 40_000]);
    expect(made.path).toBe('/folder');
  });

  it('gives up when nobody wants it any more, and refuses what cannot be', async () => {
    const host = {
      platform: platform({ a: bytes, e: new Uint8Array() }),
      cancelled: () => true,
      onProgress: () => undefined,
    };
    await expect(makeTorrent([{ kind: 'path', path: 'a' }], {}, host)).rejects.toMatchObject({
      code: 'ABORTED',
    });
    const going = { ...host, cancelled: () => false };
    await expect(makeTorrent([{ kind: 'path', path: 'e' }], {}, going)).rejects.toThrow(
      '"e" has no bytes to seed.',
    );
    await expect(makeTorrent([{ kind: 'path', path: 'a' }], { pieceLength: 1000 }, going)).rejects.toThrow(
      /no power of two/,
    );
    await expect(makeTorrent([], {}, going)).rejects.toThrow('There are no files to seed.');
    const pathless = { ...going, platform: { ...going.platform, listSeed: undefined } };
    await expect(makeTorrent([{ kind: 'path', path: 'a' }], {}, pathless)).rejects.toThrow(/no paths here/);
  });
});
