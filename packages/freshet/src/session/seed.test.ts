import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FileStore } from '../engine/storage/file-store.ts';
import { hashLeaves } from '../engine/storage/hash-pieces.ts';
import { MemoryFileStore, MemoryHasher, VirtualClock } from '../memory/index.ts';
import {
  infoHashV2ToHex,
  LEAF_LENGTH,
  merkleRoot,
  parseTorrent,
  toHex,
  treeHeight,
} from '../protocol/index.ts';
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
          truncate: () => Promise.reject(new Error('read only')),
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

  it.each([2, 'hybrid'] as const)('makes torrents of version %s, sorted and padded', async (version) => {
    const contents = {
      'f/sub/b': bytes,
      'f/sub.txt': bytes.subarray(0, 5),
      'f/a': bytes.subarray(0, LEAF_LENGTH),
      'f/none': new Uint8Array(),
      'f/again': bytes,
    };
    const inputs = Object.entries(contents).map(([name, content]) => ({
      kind: 'bytes' as const,
      name,
      bytes: content,
    }));
    const made = await makeTorrent(
      inputs,
      { version, pieceLength: LEAF_LENGTH, creationDate: false },
      { platform: platform({}), cancelled: () => false, onProgress: () => undefined },
    );
    const { info, pieceLayers, infoBytes } = parseTorrent(made.source.torrentFile!);
    const real = info.files.filter(({ padding }) => !padding);
    expect(real.map(({ pathText }) => pathText)).toEqual([
      'f/a',
      'f/again',
      'f/none',
      'f/sub/b',
      'f/sub.txt',
    ]);
    expect([info.hasV1, info.hasV2, info.pieceCount]).toEqual([version === 'hybrid', true, 8]);
    for (const { pathText, piecesRoot, length } of real) {
      const content = contents[pathText as keyof typeof contents];
      const leaves = await hashLeaves(content, new MemoryHasher());
      const whole = merkleRoot(leaves, 0, 2 ** treeHeight(length));
      expect(piecesRoot).toEqual(length === 0 ? undefined : whole);
    }
    // The file that is there twice has one layer.
    expect([...pieceLayers.keys()]).toEqual([toHex(real[1]!.piecesRoot!)]);
    expect(made.source.pieceLayers).toEqual(pieceLayers);
    const { v1, v2 } = made.source.hashes;
    expect(v1 === undefined).toBe(version === 2);
    expect(infoHashV2ToHex(v2!)).toBe(createHash('sha256').update(infoBytes).digest('hex'));
    if (version === 'hybrid') {
      const last = bytes.subarray(2 * LEAF_LENGTH);
      const padded = new Uint8Array(LEAF_LENGTH);
      padded.set(last);
      expect(info.pieceHash(3)).toEqual(await new MemoryHasher().sha1(padded));
    }
  });

  it.each([1, 2, 'hybrid'] as const)(
    'of version %s, made before of the same files, are not hashed again',
    async (version) => {
      const inputs = ['f/a', 'f/b'].map((name) => ({ kind: 'bytes' as const, name, bytes }));
      const settings = { version, pieceLength: LEAF_LENGTH, creationDate: false } as const;
      const hashed: number[] = [];
      const host = {
        platform: platform({}),
        cancelled: () => false,
        onProgress: (done: number) => hashed.push(done),
      };
      const { source } = await makeTorrent(inputs, settings, host);
      expect(hashed.length).toBeGreaterThan(0);
      hashed.length = 0;
      const again = await makeTorrent(inputs, { ...settings, made: source.torrentFile }, host);
      expect(again.source).toEqual(source);
      expect(hashed).toEqual([]);
      // What is of other files, other settings or nothing at all counts for nothing.
      const others = [
        { inputs: [{ ...inputs[0]!, bytes: bytes.subarray(1) }, inputs[1]!], settings },
        { inputs, settings: { ...settings, name: 'g' } },
        { inputs, settings: { ...settings, pieceLength: 2 * LEAF_LENGTH } },
        { inputs, settings: { ...settings, version: version === 2 ? (1 as const) : (2 as const) } },
      ];
      for (const other of others) {
        hashed.length = 0;
        const made = await makeTorrent(other.inputs, { ...other.settings, made: source.torrentFile }, host);
        expect(hashed.length).toBeGreaterThan(0);
        expect(made.source.infoBytes).not.toEqual(source.infoBytes);
      }
      hashed.length = 0;
      const made = await makeTorrent(inputs, { ...settings, made: Uint8Array.of(1, 2) }, host);
      expect(made.source.infoBytes).toEqual(source.infoBytes);
      expect(hashed.length).toBeGreaterThan(0);
    },
  );

  it('makes a version 2 torrent of one file, and refuses versions that are none', async () => {
    const host = {
      platform: platform({ 'film.mp4': bytes }),
      cancelled: () => false,
      onProgress: () => undefined,
    };
    const film = [{ kind: 'path', path: 'film.mp4' }] as const;
    const made = await makeTorrent(film, { version: 2, name: 'other.mp4' }, host);
    const { info } = parseTorrent(made.source.torrentFile!);
    expect(info).toMatchObject({ name: 'other.mp4', multiFile: false, length: bytes.length });
    expect(made.source.name).toBe('other.mp4');
    for (const version of [3, '2', null]) {
      await expect(makeTorrent(film, { version: version as 2 }, host)).rejects.toThrow(
        /A torrent has version 1, 2 or "hybrid", not/,
      );
    }
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
