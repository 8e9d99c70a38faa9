import type { Disk, FileFingerprint } from '../ports.ts';

/** Operations under way on all disks together: enough to keep a disk busy, few enough that a new one is served soon. */
const MAX_OPERATIONS = 32;
/** Of them for one torrent: a medium that does not answer must not hold up those of the others. */
const MAX_PER_DISK = 8;
/** Of them for checks, which only run while nothing else waits. */
const MAX_BACKGROUND = 4;

/** The disk operations of one torrent. */
class Lane {
  readonly urgent: (() => void)[] = [];
  readonly background: (() => void)[] = [];
  running = 0;
  onIdle: (() => void)[] = [];

  get idle(): boolean {
    return this.running === 0 && this.urgent.length === 0 && this.background.length === 0;
  }
}

/**
 * One pipeline of reads and writes for all torrents of a client: so many at a time, torrent by torrent in turn, and
 * what checks read only when nothing else waits.
 */
export class DiskPipeline {
  /** Lanes with something that waits, in the order in which they are served. */
  readonly #waiting = new Set<Lane>();
  #running = 0;
  #background = 0;

  /** Operations under way. */
  get running(): number {
    return this.#running;
  }

  /** The disk with its reads and writes in the pipeline. Whoever attaches it uses it only so. */
  attach(disk: Disk): PipelinedDisk {
    return new PipelinedDisk(disk, this, new Lane());
  }

  /** @internal At once, before the call returns, when nothing is in the way. */
  run<T>(lane: Lane, background: boolean, operation: () => Promise<T>): Promise<T> {
    if (lane.urgent.length === 0 && this.#mayStart(lane, background)) {
      return this.#start(lane, background, operation);
    }
    return new Promise<T>((resolve, reject) => {
      const start = (): void => {
        this.#start(lane, background, operation).then(resolve, reject);
      };
      (background ? lane.background : lane.urgent).push(start);
      this.#waiting.add(lane);
    });
  }

  #mayStart(lane: Lane, background: boolean): boolean {
    if (this.#running >= MAX_OPERATIONS || lane.running >= MAX_PER_DISK) return false;
    if (!background) return true;
    if (this.#background >= MAX_BACKGROUND) return false;
    for (const other of this.#waiting) if (other.urgent.length > 0) return false;
    return true;
  }

  async #start<T>(lane: Lane, background: boolean, operation: () => Promise<T>): Promise<T> {
    this.#running++;
    lane.running++;
    if (background) this.#background++;
    try {
      return await operation();
    } finally {
      this.#running--;
      lane.running--;
      if (background) this.#background--;
      this.#startNext();
      if (lane.idle) for (const resolve of lane.onIdle.splice(0)) resolve();
    }
  }

  #startNext(): void {
    for (const background of [false, true]) {
      for (let served = true; served; ) {
        served = false;
        for (const lane of [...this.#waiting]) {
          const queue = background ? lane.background : lane.urgent;
          if (queue.length === 0 || !this.#mayStart(lane, background)) continue;
          // Behind the others, for fairness.
          this.#waiting.delete(lane);
          const start = queue.shift()!;
          if (lane.urgent.length + lane.background.length > 0) this.#waiting.add(lane);
          start();
          served = true;
        }
      }
    }
  }
}

/** A torrent's disk, its reads and writes in turn with those of the others. */
export class PipelinedDisk implements Disk {
  readonly length: number;
  readonly changedFiles: Disk['changedFiles'];
  readonly allocate: Disk['allocate'];
  readonly trim: Disk['trim'];
  readonly lend: Disk['lend'];
  readonly #disk: Disk;
  readonly #pipeline: DiskPipeline;
  readonly #lane: Lane;
  #closed: Promise<void> | undefined;

  /** Made by `DiskPipeline.attach`. */
  constructor(disk: Disk, pipeline: DiskPipeline, lane: Lane) {
    this.length = disk.length;
    this.#disk = disk;
    this.#pipeline = pipeline;
    this.#lane = lane;
    this.changedFiles = disk.changedFiles && ((limit) => disk.changedFiles!(limit));
    this.allocate = disk.allocate && ((onProgress) => disk.allocate!(onProgress));
    this.trim = disk.trim && (() => disk.trim!());
    this.lend = disk.lend && ((offset, length) => disk.lend!(offset, length));
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.#pipeline.run(this.#lane, false, () => this.#disk.read(offset, into));
  }

  write(offset: number, parts: readonly Uint8Array[]): Promise<void> {
    return this.#pipeline.run(this.#lane, false, () => this.#disk.write(offset, parts));
  }

  /** The same disk for those whom nobody waits for: its reads begin when no others wait. */
  get background(): Pick<Disk, 'read' | 'fingerprints'> {
    return {
      read: (offset, into) => this.#pipeline.run(this.#lane, true, () => this.#disk.read(offset, into)),
      fingerprints: () => this.#disk.fingerprints(),
    };
  }

  setWanted(wanted: readonly boolean[]): void {
    this.#disk.setWanted(wanted);
  }

  flush(): Promise<void> {
    return this.#disk.flush();
  }

  fingerprints(): Promise<FileFingerprint[]> {
    return this.#disk.fingerprints();
  }

  close(): Promise<void> {
    this.#closed ??= this.#whenIdle().then(() => this.#disk.close());
    return this.#closed;
  }

  async destroy(): Promise<void> {
    await this.#whenIdle();
    await this.#disk.destroy();
  }

  #whenIdle(): Promise<void> {
    if (this.#lane.idle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#lane.onIdle.push(resolve);
    });
  }
}
