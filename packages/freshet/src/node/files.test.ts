import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStoreContract, rejection } from '../engine/contracts/file-store.contract.ts';
import { stateStoreContract } from '../engine/contracts/state-store.contract.ts';
import { diskError } from './disk-error.ts';
import { fileStoreForPaths, NodeFileStore } from './files.ts';
import { NodeStateStore } from './state.ts';

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'freshet-files-'));
}

fileStoreContract('Node', async () => {
  const root = folder();
  // The store makes its own folder.
  const store = new NodeFileStore(join(root, 'new', 'downloads'));
  return {
    store,
    reopen: async () => new NodeFileStore(join(root, 'new', 'downloads')),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
});

stateStoreContract('Node', async () => {
  const root = folder();
  return {
    store: new NodeStateStore(join(root, 'state')),
    reopen: async () => new NodeStateStore(join(root, 'state')),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
});

let root = '';
beforeEach(() => {
  root = folder();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('NodeFileStore', () => {
  it('makes sparse files', async () => {
    const file = await new NodeFileStore(root).open(['sparse'], true);
    await file.write(64 * 1024 * 1024, [Uint8Array.of(1)]);
    await file.close();
    const stats = statSync(join(root, 'sparse'));
    expect(stats.size).toBe(64 * 1024 * 1024 + 1);
    expect(stats.blocks * 512).toBeLessThan(1024 * 1024);
  });

  it('never leaves its folder through a symbolic link', async () => {
    const outside = folder();
    const inside = join(root, 'downloads');
    mkdirSync(inside);
    writeFileSync(join(outside, 'secret'), 'secret');
    symlinkSync(outside, join(inside, 'folder'));
    symlinkSync(join(outside, 'secret'), join(inside, 'file'));
    symlinkSync(join(outside, 'not there'), join(inside, 'dangling'));
    const store = new NodeFileStore(inside);
    for (const path of [
      ['folder', 'secret'],
      ['folder', 'new', 'deep'],
      ['file'],
      ['dangling'],
      ['dangling', 'x'],
    ]) {
      const error = await rejection(store.open(path, true));
      expect(error.code).toBe('UNSAFE_PATH');
      expect(error.message).toContain(join(inside, path[0]!));
      expect(error.message).toContain('symbolic link');
    }
    expect((await rejection(store.open(['folder', 'secret'], false))).code).toBe('UNSAFE_PATH');
    expect((await rejection(store.open(['file'], false))).code).toBe('UNSAFE_PATH');
    expect((await rejection(store.remove(['folder', 'secret']))).code).toBe('UNSAFE_PATH');
    expect(readdirSync(outside)).toEqual(['secret']);
    rmSync(outside, { recursive: true });
  });

  it('follows links that stay inside, but does not write to one', async () => {
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'alias'));
    const store = new NodeFileStore(root);
    const file = await store.open(['alias', 'file'], true);
    await file.write(0, [Uint8Array.of(5)]);
    await file.close();
    expect((await store.stat(['real', 'file'])).size).toBe(1);
    symlinkSync(join(root, 'real', 'file'), join(root, 'link'));
    expect((await store.stat(['link'])).size).toBe(1);
    expect((await rejection(store.open(['link'], true))).code).toBe('UNSAFE_PATH');
  });

  it('works when its own folder is a symbolic link', async () => {
    mkdirSync(join(root, 'real'));
    symlinkSync(join(root, 'real'), join(root, 'downloads'));
    const file = await new NodeFileStore(join(root, 'downloads')).open(['a', 'b'], true);
    await file.close();
    expect(statSync(join(root, 'real', 'a', 'b')).size).toBe(0);
  });

  it('names the file and says what to do when the folder is read-only', async () => {
    chmodSync(root, 0o555);
    const store = new NodeFileStore(root);
    // The superuser may write anywhere.
    const superuser = process.getuid?.() === 0;
    if (superuser) process.seteuid?.(65_534);
    try {
      for (const path of [['film.mp4'], ['folder', 'film.mp4']]) {
        const error = await rejection(store.open(path, true));
        expect(error.code).toBe('READ_ONLY');
        expect(error.message).toBe(
          `${join(root, ...path)} may not be written by this user; change its permissions or choose another folder`,
        );
      }
    } finally {
      if (superuser) process.seteuid?.(0);
    }
    chmodSync(root, 0o755);
  });

  it('reports a full disk', async () => {
    const file = await new NodeFileStore('/dev').open(['full'], true).catch((error: unknown) => error);
    // A device is not a file of ours.
    expect(String(file)).toContain('/dev/full');
    const full = diskError(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/films/film.mp4', 'write');
    expect(full.code).toBe('FULL');
    expect(full.message).toBe('There is no space left to write /films/film.mp4; free some and resume');
  });

  it('ends where folders cannot be made at all', async () => {
    // A file system that denies with ENOENT sends Node's own recursive mkdir round for ever.
    const error = await rejection(new NodeFileStore('/proc/freshet/films').open(['film.mp4'], true));
    expect(error.message).toContain('/proc/freshet/films');
  });

  it('does not use a folder as a file', async () => {
    mkdirSync(join(root, 'folder'));
    expect((await rejection(new NodeFileStore(root).open(['folder'], false))).message).toContain(
      'is a folder',
    );
  });

  it('says that a file is closed', async () => {
    const file = await new NodeFileStore(root).open(['file'], true);
    await file.close();
    await file.close();
    expect((await rejection(file.read(0, new Uint8Array(1)))).code).toBe('CLOSED');
    expect((await rejection(file.write(0, [Uint8Array.of(1)]))).code).toBe('CLOSED');
  });
});

describe('diskError', () => {
  it.each([
    ['ENOSPC', 'write', 'FULL'],
    ['EDQUOT', 'write', 'FULL'],
    ['EROFS', 'write', 'READ_ONLY'],
    ['EACCES', 'write', 'READ_ONLY'],
    ['EACCES', 'read', 'IO'],
    ['ENOENT', 'read', 'NOT_FOUND'],
    ['ENOTDIR', 'write', 'IO'],
    ['ENOTDIR', 'read', 'NOT_FOUND'],
    ['EISDIR', 'write', 'IO'],
    ['ELOOP', 'write', 'UNSAFE_PATH'],
    ['ENAMETOOLONG', 'write', 'IO'],
    ['EMFILE', 'read', 'IO'],
    ['EBADF', 'read', 'CLOSED'],
    ['EIO', 'read', 'IO'],
    ['EFBIG', 'write', 'IO'],
    ['ESTRANGE', 'write', 'IO'],
  ] as const)('%s on %s is %s, in one sentence that names the file', (code, action, expected) => {
    const cause = Object.assign(new Error('strange'), { code });
    const error = diskError(cause, '/films/film.mp4', action);
    expect(error.code).toBe(expected);
    expect(error.path).toBe('/films/film.mp4');
    expect(error.message).toContain('/films/film.mp4');
    expect(error.message).not.toMatch(/\n|\.$/);
    expect(error.cause).toBe(cause);
  });
});

describe('fileStoreForPaths', () => {
  const path = ['Films', 'film.mp4'];

  it('reads the files where they lie, and only reads', async () => {
    const place = join(root, 'my film.mp4');
    writeFileSync(place, 'film');
    const store = fileStoreForPaths([{ path, file: place }]);
    expect(store.label(path)).toBe(place);
    expect((await store.stat(path)).size).toBe(4);
    const file = await store.open(path, false);
    const into = new Uint8Array(10);
    expect(await file.read(1, into)).toBe(3);
    expect((await rejection(file.write(0, [into]))).code).toBe('READ_ONLY');
    await file.close();
    expect((await rejection(store.open(path, true))).code).toBe('READ_ONLY');
    expect((await rejection(store.open(['other'], false))).code).toBe('NOT_FOUND');
    expect((await rejection(store.open(['..', 'x'], false))).code).toBe('UNSAFE_PATH');
    await store.remove(path);
    expect(statSync(place).size).toBe(4);
  });

  it('notices that a file has changed since it was hashed', async () => {
    const place = join(root, 'film.mp4');
    writeFileSync(place, 'film');
    const store = fileStoreForPaths([{ path, file: place }]);
    await store.stat(path);
    writeFileSync(place, 'longer film');
    const error = await rejection(store.open(path, false));
    expect(error.code).toBe('CHANGED');
    expect(error.message).toContain(place);

    const { size, mtimeMs } = statSync(place);
    const expected = { size, modified: Math.floor(mtimeMs) };
    const again = fileStoreForPaths([{ path, file: place, expected }]);
    await (await again.open(path, false)).close();
    utimesSync(place, 1000, 1000);
    expect((await rejection(again.open(path, false))).code).toBe('CHANGED');
  });

  it('notices that an open file was cut short', async () => {
    const place = join(root, 'film.mp4');
    writeFileSync(place, 'a long film');
    const file = await fileStoreForPaths([{ path, file: place }]).open(path, false);
    truncateSync(place, 3);
    expect((await rejection(file.read(0, new Uint8Array(11)))).code).toBe('CHANGED');
    await file.close();
  });

  it('knows that a file has gone', async () => {
    const store = fileStoreForPaths([{ path, file: join(root, 'gone') }]);
    expect(await store.stat(path)).toEqual({ size: -1, modified: 0 });
    expect((await rejection(store.open(path, false))).code).toBe('NOT_FOUND');
  });
});

describe('NodeStateStore', () => {
  it('leaves no draft behind and names the file when it cannot save', async () => {
    const store = new NodeStateStore(join(root, 'state'));
    await store.save('key', Uint8Array.of(1));
    expect(readdirSync(join(root, 'state'))).toEqual(['v-key']);
    writeFileSync(join(root, 'file'), '');
    const error = await rejection(new NodeStateStore(join(root, 'file')).save('key', Uint8Array.of(1)));
    expect(error.message).toContain(join(root, 'file'));
  });

  it('tells keys apart that differ in case only or are very long', async () => {
    const store = new NodeStateStore(root);
    const keys = ['a', 'A', `${'x'.repeat(5000)}1`, `${'x'.repeat(5000)}2`];
    for (const [i, key] of keys.entries()) await store.save(key, Uint8Array.of(i));
    for (const [i, key] of keys.entries()) expect([...(await store.load(key))!]).toEqual([i]);
    expect(new Set(readdirSync(root).map((name) => name.toLowerCase())).size).toBe(4);
  });
});
