import { describe, expect, it } from 'vitest';
import { FaultPlan, MemoryFileStore, MemoryState } from '../../memory/index.ts';
import { infoHashFromBytes } from '../../protocol/index.ts';
import { testBytes } from '../contracts/waiting.contract.ts';
import { type Disk, DiskError } from '../ports.ts';
import { type Folder, type MoveFolderOptions, TorrentFolder } from './torrent-folder.ts';

const infoHash = infoHashFromBytes(new Uint8Array(20).fill(7))!;
const PIECE = 1000;

/** Four files: one in a folder, two small ones, an empty one. */
const info = {
  length: 5000,
  pieceLength: PIECE,
  files: [
    { path: ['t', 'a', 'one'], length: 3000, offset: 0, padding: false },
    { path: ['t', 'two'], length: 1500, offset: 3000, padding: false },
    { path: ['t', 'empty'], length: 0, offset: 4500, padding: false },
    { path: ['t', 'three'], length: 500, offset: 4500, padding: false },
  ],
};
const content = testBytes(info.length, 1);

/** Folders that outlive the process; those on one device share their room. */
class World {
  readonly devices: { readonly [device: string]: { free: number } } = {
    x: { free: 1 << 30 },
    y: { free: 1 << 30 },
  };
  readonly faults: FaultPlan = new FaultPlan();
  readonly folders = new Map<string, Folder & { readonly store: MemoryFileStore }>();

  /** Its device is the first letter of its name. */
  open = (name: string): Folder & { readonly store: MemoryFileStore } => {
    let folder = this.folders.get(name);
    if (folder === undefined) {
      const store = new MemoryFileStore({ space: this.devices[name[0]!], faults: this.faults });
      folder = { name, store, state: new MemoryState() };
      this.folders.set(name, folder);
    }
    return folder;
  };

  /** A snapshot of everything, as a crash leaves it. */
  async copy(): Promise<World> {
    const copy = new World();
    for (const [name, folder] of this.folders) {
      const other = copy.open(name);
      for (const path of folder.store.paths()) {
        const names = path.split('/');
        const source = folder.store.peek(names);
        const bytes = new Uint8Array(source.size);
        source.read(0, bytes);
        const file = await other.store.open(names, true);
        await file.write(0, [bytes]);
        await file.close();
      }
      for (const key of ['resume', `${'07'.repeat(20)}-files`]) {
        const value = await folder.state.load(key);
        if (value !== undefined) await other.state.save(key, value);
      }
    }
    return copy;
  }

  async start(name: string): Promise<{ folder: TorrentFolder; disk: Disk }> {
    const folder = await TorrentFolder.open({ infoHash, at: this.open(name), open: this.open });
    await folder.state.load('resume');
    return { folder, disk: await folder.openDisk(info) };
  }

  /** Paths below all folders that belong to the torrent's files. */
  paths(): string[] {
    return [...this.folders.values()]
      .flatMap(({ name, store }) => store.paths().map((path) => `${name}:${path}`))
      .sort();
  }
}

const moving = (options: Partial<MoveFolderOptions> = {}): MoveFolderOptions => ({
  onProgress: () => {},
  cancelled: () => false,
  save: async () => {},
  ...options,
});

async function bytesOf(disk: Disk): Promise<Uint8Array> {
  const into = new Uint8Array(info.length);
  return into.subarray(0, await disk.read(0, into));
}

async function filled(world: World, name: string): Promise<{ folder: TorrentFolder; disk: Disk }> {
  const started = await world.start(name);
  await started.disk.write(0, [content]);
  await started.disk.flush();
  await started.folder.state.save('resume', Uint8Array.of(1, 2, 3));
  return started;
}

function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof DiskError ? error.code : String(error)),
  );
}

const PATHS = ['t/a/one', 't/empty', 't/three', 't/two'];

describe('TorrentFolder.rename', () => {
  it('gives files other paths while they are used, and knows them after a restart', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    await folder.rename(
      new Map([
        [0, ['u', 'eins']],
        [3, ['t', 'a', 'drei']],
      ]),
    );
    expect(world.paths()).toEqual(['x1:t/a/drei', 'x1:t/empty', 'x1:t/two', 'x1:u/eins']);
    expect(await bytesOf(disk)).toEqual(content);
    await disk.write(10, [Uint8Array.of(1, 2, 3)]);
    await disk.close();
    const again = await world.start('x1');
    expect([...again.folder.paths]).toEqual([
      [0, ['u', 'eins']],
      [3, ['t', 'a', 'drei']],
    ]);
    expect((await bytesOf(again.disk)).subarray(9, 14)).toEqual(
      Uint8Array.of(content[9]!, 1, 2, 3, content[13]!),
    );
    // Back to where the torrent has them: nothing is to be remembered.
    await again.folder.rename(
      new Map([
        [0, ['t', 'a', 'one']],
        [3, ['t', 'three']],
      ]),
    );
    expect(again.folder.paths.size).toBe(0);
    expect(await world.open('x1').state.load(`${'07'.repeat(20)}-files`)).toBeUndefined();
    await again.disk.destroy();
    expect(world.paths()).toEqual([]);
  });

  it.each<[string, number, string[], string]>([
    ['another file of the torrent', 0, ['t', 'two'], 'EXISTS'],
    ['one that differs in case only', 0, ['T', 'TWO'], 'EXISTS'],
    ['a folder of the torrent', 1, ['t', 'a'], 'EXISTS'],
    ['a folder that is a file', 1, ['t', 'three', 'x'], 'EXISTS'],
    ['what somebody else has put there', 1, ['other'], 'EXISTS'],
    ['a way out', 1, ['..', 'x'], 'UNSAFE_PATH'],
    ['no name', 1, [''], 'UNSAFE_PATH'],
    ['what we remember things in', 1, ['.freshet', 'x'], 'UNSAFE_PATH'],
    ['a device', 1, ['con'], 'UNSAFE_PATH'],
  ])('refuses %s', async (_, index, path, expected) => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    const file = await world.open('x1').store.open(['other'], true);
    await file.close();
    const before = world.paths();
    expect(await code(folder.rename(new Map([[index, path]])))).toBe(expected);
    expect(world.paths()).toEqual(before);
    expect(folder.paths.size).toBe(0);
    expect(await bytesOf(disk)).toEqual(content);
  });

  it('renames all or none', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    const file = await world.open('x1').store.open(['v', 'two'], true);
    await file.close();
    const changes = new Map([
      [0, ['v', 'one']],
      [1, ['v', 'two']],
    ]);
    expect(await code(folder.rename(changes))).toBe('EXISTS');
    expect(folder.paths.size).toBe(0);
    expect(await bytesOf(disk)).toEqual(content);
  });

  it('finds the files after a crash anywhere in it', async () => {
    for (let at = 0; at < 12; at++) {
      const world = new World();
      const { folder } = await filled(world, 'x1');
      const operations = ['rename', 'stat'] as const;
      const release = world.faults.hold(operations[at % 2]!, Math.floor(at / 2));
      const renaming = folder.rename(
        new Map([
          [0, ['u', 'eins']],
          [1, ['u', 'zwei']],
          [3, ['u', 'drei']],
        ]),
      );
      for (let turn = 0; turn < 200; turn++) await undefined;
      const after = await world.copy();
      release();
      await renaming;
      const { disk } = await after.start('x1');
      expect(await bytesOf(disk), `held ${operations[at % 2]} ${Math.floor(at / 2)}`).toEqual(content);
    }
  });

  it('is for open files only', async () => {
    const world = new World();
    const folder = await TorrentFolder.open({ infoHash, at: world.open('x1'), open: world.open });
    expect(await code(folder.rename(new Map([[0, ['x']]])))).toBe('CLOSED');
    expect(await code(folder.move('x2', moving()))).toBe('CLOSED');
  });
});

describe.each([
  ['on one device', 'x2'],
  ['to another device', 'y2'],
])('TorrentFolder.move %s', (_, target) => {
  it('takes everything along, renamed files and what is remembered too', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    disk.setWanted([true, true, true, false]);
    await folder.rename(new Map([[0, ['u', 'eins']]]));
    const progress: number[] = [];
    await folder.move(target, moving({ onProgress: (moved, total) => progress.push(moved / total) }));
    expect(progress.at(-1)).toBe(1);
    expect(folder.name).toBe(target);
    expect(world.paths()).toEqual(
      ['t/empty', 't/three', 't/two', 'u/eins'].map((path) => `${target}:${path}`),
    );
    expect(await bytesOf(disk)).toEqual(content);
    await disk.write(0, [content.subarray(0, 10)]);
    await disk.close();
    expect(await world.open('x1').state.load('resume')).toBeUndefined();
    const again = await world.start(target);
    expect(await again.folder.state.load('resume')).toEqual(Uint8Array.of(1, 2, 3));
    expect(await bytesOf(again.disk)).toEqual(content);
    // The old folder is nothing but a folder again.
    expect(await bytesOf((await world.start('x1')).disk)).toEqual(new Uint8Array(0));
  });

  it('refuses what is there already, and stays', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    await (await world.open(target).store.open(['t', 'two'], true)).close();
    expect(await code(folder.move(target, moving()))).toBe('EXISTS');
    expect(folder.name).toBe('x1');
    expect(world.paths()).toEqual([...PATHS.map((path) => `x1:${path}`), `${target}:t/two`]);
    expect(await bytesOf(disk)).toEqual(content);
  });

  it('comes back when it is given up or fails on the way', async () => {
    for (let at = 0; at < 3; at++) {
      const world = new World();
      const { folder, disk } = await filled(world, 'x1');
      let asked = 0;
      expect(await code(folder.move(target, moving({ cancelled: () => asked++ === at })))).not.toBe(
        'resolved',
      );
      expect(folder.name).toBe('x1');
      expect(world.paths()).toEqual(PATHS.map((path) => `x1:${path}`));
      expect(await bytesOf(disk)).toEqual(content);
      expect((await world.start('x1')).folder.name).toBe('x1');
    }
  });

  it('loses nothing that is written while it goes on', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    const change = testBytes(info.length, 2);
    const writes: Promise<void>[] = [];
    let at = 0;
    const write = (): void => {
      if (at >= info.length) return;
      writes.push(disk.write(at, [change.subarray(at, at + 700)]));
      at += 700;
    };
    write();
    const moved = folder.move(target, moving({ onProgress: write, save: async () => write() }));
    for (let turn = 0; turn < 50; turn++) {
      write();
      await undefined;
    }
    await moved;
    while (at < info.length) write();
    await Promise.all(writes);
    expect(await bytesOf(disk)).toEqual(change);
    await disk.close();
    expect(await bytesOf((await world.start(target)).disk)).toEqual(change);
  });

  it('finds everything after a crash anywhere in it, from either folder', async () => {
    let crashes = 0;
    for (const operation of ['stat', 'open', 'read', 'write', 'rename', 'remove'] as const) {
      for (let nth = 0; nth < 20; nth++) {
        const world = new World();
        const { folder } = await filled(world, 'x1');
        const release = world.faults.hold(operation, nth);
        const moved = folder.move(target, moving());
        for (let turn = 0; turn < 2000; turn++) await undefined;
        const held = world.faults.fired > 0;
        const [one, two] = [await world.copy(), await world.copy()];
        release();
        await moved;
        if (!held) continue;
        crashes++;
        const label = `${operation} ${nth}`;
        const restarted = await one.start('x1');
        const old = await bytesOf(restarted.disk);
        if (old.length === 0) {
          // It was over: the new folder has everything.
          expect(await bytesOf((await one.start(target)).disk), label).toEqual(content);
        } else {
          expect(old, label).toEqual(content);
          expect(await restarted.folder.state.load('resume'), label).toEqual(Uint8Array.of(1, 2, 3));
          // In one place, and not in two.
          expect(one.paths().length, label).toBe(PATHS.length);
        }
        // With the new folder: what has come is there, and what has not is still in the old one.
        const there = await two.start(target);
        const found = await bytesOf(there.disk);
        await there.disk.close();
        if (found.length < info.length || !Buffer.from(found).equals(content)) {
          expect(await bytesOf((await two.start('x1')).disk), label).toEqual(content);
        }
      }
    }
    expect(crashes).toBeGreaterThan(12);
  });
});

describe('TorrentFolder.move to another device', () => {
  it('refuses before it begins when there is no room', async () => {
    const world = new World();
    const { folder, disk } = await filled(world, 'x1');
    world.devices['y']!.free = 4999;
    expect(await code(folder.move('y2', moving()))).toBe('FULL');
    expect(world.open('y2').store.paths()).toEqual([]);
    expect(await bytesOf(disk)).toEqual(content);
    expect((await world.start('x1')).folder.name).toBe('x1');
  });
});
