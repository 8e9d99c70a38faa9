import { describe, expect, it } from 'vitest';
import { settled } from '../../../testing/store-fixture.ts';
import { FaultPlan, MemoryDisk, MemoryState, VirtualClock } from '../../memory/index.ts';
import { Bitfield, type Info, type InfoHash, infoHashFromBytes } from '../../protocol/index.ts';
import type { StateStore } from '../ports.ts';
import { decodeResume } from './resume.ts';
import { ResumeKeeper } from './resume-keeper.ts';

const infoHash: InfoHash = infoHashFromBytes(new Uint8Array(20).fill(3))!;
const info = { pieceCount: 4 } as Partial<Info> as Info;
const infoBytes = Uint8Array.of(1, 2, 3);

function bench(state: StateStore | undefined = new MemoryState()) {
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const totals = { uploaded: 10, downloaded: 20 };
  const faults = new FaultPlan();
  const verified = new Bitfield(4);
  const source = {
    disk: new MemoryDisk({ length: 4, faults }),
    storedPieces: () => verified.clone(),
    selection: { filePriorities: () => [5] },
  };
  const keeper = new ResumeKeeper({
    clock,
    state,
    infoHash,
    key: 'k',
    trackers: [['http://t/announce']],
    totals: () => totals,
    onWarning: (error) => warnings.push(error.message),
  });
  const saved = async () => {
    const bytes = await state?.load('k');
    return bytes === undefined ? undefined : decodeResume(bytes);
  };
  return { keeper, clock, warnings, totals, faults, verified, source, saved, state };
}

describe('ResumeKeeper', () => {
  it('saves within five seconds of a change, once for many', async () => {
    const b = bench();
    b.keeper.saveSoon();
    expect(b.clock.pending).toBe(0);
    b.keeper.open(info, infoBytes, b.source);
    b.verified.set(2);
    b.keeper.saveSoon();
    expect(b.clock.pending).toBe(1);
    await b.clock.advanceAsync(4999);
    expect(await b.saved()).toBeUndefined();
    await b.clock.advanceAsync(1);
    const data = (await b.saved())!;
    expect([...data.verified!.indexes()]).toEqual([2]);
    expect(data).toMatchObject({ infoHash, infoBytes, uploaded: 10, downloaded: 20, filePriorities: [5] });
    expect(data.trackers).toEqual([['http://t/announce']]);
    expect(b.faults.count('flush')).toBe(1);
    await b.keeper.close();
    expect(b.clock.pending).toBe(0);
  });

  it('adds up the totals of all runs, also when the storage is opened twice in one', async () => {
    const state = new MemoryState();
    const first = bench(state);
    await first.keeper.load();
    first.keeper.open(info, infoBytes, first.source);
    await first.keeper.close();
    const second = bench(state);
    await second.keeper.load();
    expect(second.keeper.infoBytes).toEqual(infoBytes);
    for (let i = 0; i < 3; i++) {
      second.keeper.open(info, infoBytes, second.source);
      await second.keeper.close();
      await second.keeper.load();
    }
    second.totals.uploaded = 11;
    second.keeper.open(info, infoBytes, second.source);
    await second.keeper.close();
    expect(await second.saved()).toMatchObject({ uploaded: 21, downloaded: 40 });
  });

  it('takes damaged data, data of another torrent and a store that fails for nothing', async () => {
    const state = new MemoryState();
    await state.save('k', Uint8Array.of(1, 2, 3));
    const damaged = bench(state);
    await damaged.keeper.load();
    expect([damaged.keeper.data, damaged.warnings]).toEqual([undefined, []]);
    const failing: StateStore = {
      load: () => Promise.reject(new Error('locked')),
      save: () => Promise.reject(new Error('locked')),
      remove: () => Promise.reject(new Error('locked')),
    };
    const b = bench(failing);
    await b.keeper.load();
    expect(b.keeper.data).toBeUndefined();
    b.keeper.open(info, infoBytes, b.source);
    await b.keeper.save();
    await b.keeper.save();
    expect(b.warnings).toEqual([
      'Resume data could not be read: locked',
      'Resume data could not be saved: locked',
    ]);
    await expect(b.keeper.remove()).rejects.toThrow('locked');
  });

  it('tells a disk that cannot be flushed once, and again after it worked in between', async () => {
    const b = bench();
    b.keeper.open(info, infoBytes, b.source);
    for (const nth of [0, 1, 3]) b.faults.fail('flush', nth, new Error('bad'));
    for (let i = 0; i < 4; i++) await b.keeper.save();
    expect(b.warnings).toEqual(new Array(2).fill('Resume data could not be saved: bad'));
    expect(b.faults.fired).toBe(3);
  });

  it('forgets everything, and is not brought back by a save that was under way', async () => {
    const b = bench();
    b.keeper.open(info, infoBytes, b.source);
    const release = b.faults.hold('flush', 0);
    const saving = b.keeper.save();
    const removing = b.keeper.remove();
    release();
    await Promise.all([saving, removing]);
    b.keeper.saveSoon();
    await b.keeper.close();
    await b.keeper.load();
    await settled();
    expect(await b.saved()).toBeUndefined();
    expect([b.keeper.data, b.clock.pending]).toEqual([undefined, 0]);
  });

  it('keeps nothing without a store', async () => {
    const b = bench(undefined);
    await b.keeper.load();
    b.keeper.open(info, infoBytes, b.source);
    await b.keeper.save();
    await b.keeper.remove();
    expect(b.clock.pending).toBe(0);
  });
});
