import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../memory/index.ts';
import { type Disk, DiskError } from '../ports.ts';
import { DiskPipeline, type PipelinedDisk } from './disk-pipeline.ts';

/** A disk whose operations end when they are told to. */
class HeldDisk {
  readonly started: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly disk: Disk;

  constructor(name: string, log: string[] = []) {
    const held = (what: string): Promise<void> => {
      this.started.push(what);
      log.push(`${name} ${what}`);
      return new Promise((resolve) => this.#ends.push(resolve));
    };
    const memory = new MemoryDisk({ length: 1000 });
    this.disk = Object.assign(Object.create(memory) as Disk, {
      read: async (offset: number) => {
        await held(`read ${offset}`);
        return 1;
      },
      write: (offset: number) => held(`write ${offset}`),
      close: () => {
        log.push(`${name} close`);
        return Promise.resolve();
      },
    });
  }

  get running(): number {
    return this.#ends.length;
  }

  async end(count: number): Promise<void> {
    for (const end of this.#ends.splice(0, count)) end();
    for (let i = 0; i < 10; i++) await undefined;
  }
}

const BYTES = new Uint8Array(1);

function reads(disk: PipelinedDisk, count: number): void {
  for (let i = 0; i < count; i++) void disk.read(i, BYTES);
}

describe('DiskPipeline', () => {
  it('starts at once what has room, and eight at a time for one torrent', async () => {
    const pipeline = new DiskPipeline();
    const slow = new HeldDisk('slow');
    const other = new HeldDisk('other');
    reads(pipeline.attach(slow.disk), 20);
    expect(slow.running).toBe(8);
    // One that does not answer leaves room for the others.
    reads(pipeline.attach(other.disk), 3);
    expect([other.running, pipeline.running]).toEqual([3, 11]);
    await slow.end(5);
    expect(slow.running).toBe(8);
    expect(slow.started).toEqual(Array.from({ length: 13 }, (_, i) => `read ${i}`));
  });

  it('takes 32 in all, then torrent by torrent in turn', async () => {
    const pipeline = new DiskPipeline();
    const log: string[] = [];
    const held = Array.from({ length: 4 }, (_, i) => new HeldDisk(`h${i}`));
    for (const { disk } of held) reads(pipeline.attach(disk), 8);
    const [a, b] = ['a', 'b'].map((name) => new HeldDisk(name, log));
    reads(pipeline.attach(a!.disk), 4);
    reads(pipeline.attach(b!.disk), 2);
    expect([pipeline.running, log]).toEqual([32, []]);
    for (const disk of held) await disk.end(2);
    expect(log).toEqual(['a read 0', 'b read 0', 'a read 1', 'b read 1', 'a read 2', 'a read 3']);
  });

  it('reads for checks only when nothing else waits, and four at a time', async () => {
    const pipeline = new DiskPipeline();
    const checked = new HeldDisk('checked');
    const busy = new HeldDisk('busy');
    const check = pipeline.attach(checked.disk);
    for (let i = 0; i < 10; i++) void check.background.read(i, BYTES);
    expect(checked.running).toBe(4);
    reads(pipeline.attach(busy.disk), 9);
    await checked.end(4);
    expect([checked.running, busy.running]).toEqual([0, 8]);
    await busy.end(2);
    expect([checked.running, busy.running]).toEqual([4, 7]);
  });

  it('passes on what comes out, faults included, and goes on after them', async () => {
    const pipeline = new DiskPipeline();
    const memory = new MemoryDisk({ length: 100 });
    const disk = pipeline.attach(memory);
    await disk.write(3, [new Uint8Array([1, 2, 3])]);
    const into = new Uint8Array(3);
    expect([await disk.read(3, into), into]).toEqual([3, new Uint8Array([1, 2, 3])]);
    const fault = new DiskError('IO', 'x', 'broken');
    const broken = pipeline.attach(
      Object.assign(Object.create(memory) as Disk, { read: () => Promise.reject(fault) }),
    );
    await expect(broken.read(0, into)).rejects.toBe(fault);
    const throwing = pipeline.attach(
      Object.assign(Object.create(memory) as Disk, {
        write: () => {
          throw fault;
        },
      }),
    );
    await expect(throwing.write(0, [into])).rejects.toBe(fault);
    expect([pipeline.running, await disk.read(3, into)]).toEqual([0, 3]);
  });

  it('closes when what was asked for before is through', async () => {
    const pipeline = new DiskPipeline();
    const log: string[] = [];
    const held = new HeldDisk('d', log);
    const disk = pipeline.attach(held.disk);
    for (let i = 0; i < 9; i++) void disk.write(i, [BYTES]);
    let closed = false;
    const closing = disk.close().then(() => {
      closed = true;
    });
    await held.end(8);
    expect([closed, log.at(-1)]).toEqual([false, 'd write 8']);
    await held.end(1);
    await closing;
    expect(log.at(-1)).toBe('d close');
  });
});
