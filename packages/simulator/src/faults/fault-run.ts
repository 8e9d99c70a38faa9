/** One small download with everything in it, in which one call of a port fails. */

import {
  Engine,
  httpTrackers,
  type Ports,
  type Reader,
  ReaderError,
  type StateStore,
  type Torrent,
  type TorrentObserver,
} from 'freshet/engine';
import { MemoryState, type SampleTorrent } from 'freshet/memory';
import { realContent } from '../content.ts';
import type { Host } from '../host.ts';
import { recordLog } from '../log.ts';
import { trackerHost } from '../servers/tracker-host.ts';
import { webSeedHost } from '../servers/web-seed-host.ts';
import { World } from '../world.ts';
import { type CallFault, Calls } from './calls.ts';
import { type FaultyPorts, faultyPorts, faultyState, openFaultyDisk } from './faulty-ports.ts';
import { nodeHasher } from './node-hasher.ts';
import { SimDisk } from './sim-disk.ts';

export interface FaultRunOptions {
  readonly sample: SampleTorrent;
  readonly seed: number;
  /** Whose calls are counted and fail. */
  readonly subject: 'leech' | 'seed';
  /** Both are browsers: the leech knows the info-hash only, and meets the seed over WebRTC. Default false. */
  readonly magnet?: boolean | undefined;
  readonly fault?: CallFault | undefined;
}

export interface FaultRun {
  readonly calls: Calls;
  /**
   * How it ended for the leech. `finished`: it has everything, and its reader has read it. `failed`: it has stopped with an
   * error that was told. `healed`: it went on trying, and had everything when the fault was over. `restarted`: it had then
   * banned all that it could have asked, so it took another start. `starved`: not even that helped.
   */
  readonly end: 'finished' | 'failed' | 'healed' | 'restarted' | 'starved';
  /** Everything that must never be, as sentences. */
  readonly wrongs: readonly string[];
  /** What the subject's observer was told: the torrent stopped. */
  readonly errors: readonly Error[];
  readonly warnings: readonly Error[];
  /** What closing the subject's engine rejected with. */
  readonly closeErrors: readonly Error[];
  readonly hashFailures: number;
}

const PORT = 6881;
const TRACKER = 'ws://tracker.example/';
/** Milliseconds that the first life of the leech, and then its second, may take: a timer may be 30 s late, again and again. */
const LIFE = 900_000;
/** Somebody presses "try again" so often, so many milliseconds after each error. */
const RETRIES = 4;
const RETRY_AFTER = 5000;
const READ_AGAIN = 1000;

/** Half of the download, a restart with resume data, the rest; then all is closed. */
export async function runWithFault(options: FaultRunOptions): Promise<FaultRun> {
  return new FaultScene(options).run();
}

class FaultScene {
  readonly #options: FaultRunOptions;
  readonly #world: World;
  readonly #calls: Calls;
  readonly #wrongs: string[] = [];
  readonly #errors: Error[] = [];
  readonly #warnings: Error[] = [];
  readonly #closeErrors: Error[] = [];
  readonly #webSeed: string;
  #hashFailures = 0;
  #retries = 0;
  /** What a reader of everything delivers: padding between files is not for people. */
  readonly #readable: Uint8Array;
  /** Of that, bytes that have been delivered, in one life or the other. */
  #read = 0;

  constructor(options: FaultRunOptions) {
    this.#options = options;
    this.#world = new World({ seed: options.seed });
    this.#calls = new Calls(options.fault);
    this.#webSeed = webSeedHost(this.#world, {
      address: '10.9.0.1',
      line: { latencyMs: 5, up: 1_000_000 },
      content: realContent(options.sample),
      delayMs: 150,
    }).url;
    const { info, content } = options.sample;
    this.#readable = Buffer.concat(
      info.files
        .filter((file) => !file.padding)
        .map((file) => content.subarray(file.offset, file.offset + file.length)),
    );
    trackerHost(this.#world, { address: '10.9.0.2', url: TRACKER, transports: ['ws'] });
  }

  async run(): Promise<FaultRun> {
    const kind = this.#options.magnet === true ? 'browser' : 'node';
    const seedHost = this.#world.host({ address: '10.0.0.1', line: { up: 150_000 }, kind });
    const leechHost = this.#world.host({ address: '10.0.0.2', line: { down: 300_000 }, kind });
    const seed = new Life(this, seedHost, this.#medium('seed', true), new MemoryState(), 'seed');
    const medium = this.#medium('leech', false);
    const state = new MemoryState();
    const { length } = this.#options.sample.content;
    const first = new Life(this, leechHost, medium, state, 'leech');
    await this.#world.run({
      until: () => first.torrent.stats().verifiedBytes >= length / 2 || this.#givenUp(first),
      limit: LIFE,
    });
    await first.close();
    let leech = new Life(this, leechHost, medium, state, 'leech');
    const done = (): boolean => leech.torrent.done && this.#read === this.#readable.length;
    const until = (): boolean => done() || this.#givenUp(leech);
    await this.#world.run({ until, limit: LIFE });
    let end: FaultRun['end'] = done() ? 'finished' : 'failed';
    if (end === 'failed' && !this.#givenUp(leech)) {
      this.#calls.heal();
      seed.tryAgain();
      await this.#world.run({ until: done, limit: LIFE });
      end = 'healed';
      if (!done()) {
        await leech.close();
        leech = new Life(this, leechHost, medium, state, 'leech');
        await this.#world.run({ until: done, limit: LIFE });
        end = done() ? 'restarted' : 'starved';
      }
    }
    if (done() && !same(medium, this.#options.sample)) this.wrong('what was downloaded is not the content');
    await leech.close();
    await seed.close();
    return {
      calls: this.#calls,
      end,
      wrongs: this.#wrongs,
      errors: this.#errors,
      warnings: this.#warnings,
      closeErrors: this.#closeErrors,
      hashFailures: this.#hashFailures,
    };
  }

  get world(): World {
    return this.#world;
  }

  get options(): FaultRunOptions {
    return this.#options;
  }

  get webSeed(): string {
    return this.#webSeed;
  }

  get calls(): Calls {
    return this.#calls;
  }

  wrong(sentence: string): void {
    this.#wrongs.push(sentence);
  }

  /** Bytes that a reader has delivered. */
  onRead(position: number, bytes: Uint8Array): number {
    const end = position + bytes.length;
    if (Buffer.compare(bytes, this.#readable.subarray(position, end)) !== 0) {
      this.wrong(`the reader delivered wrong bytes at ${position}`);
    }
    this.#read = Math.max(this.#read, end);
    return end;
  }

  onWarning(life: Life, warning: Error): void {
    if (this.#isSubject(life)) this.#warnings.push(warning);
    this.#checkSentence(warning);
  }

  /** As somebody does who sees the error: tries again a little later, but not for ever. */
  onError(life: Life, error: Error): void {
    this.#checkSentence(error);
    if (this.#isSubject(life)) this.#errors.push(error);
    else this.wrong(`the other engine's torrent failed: ${error.message}`);
    if (++this.#retries > RETRIES) return;
    this.#world.clock.setTimer(RETRY_AFTER, () => life.torrent.resume());
  }

  onCloseError(life: Life, error: Error): void {
    this.#checkSentence(error);
    if (this.#isSubject(life)) this.#closeErrors.push(error);
    else this.wrong(`the other engine could not be closed: ${error.message}`);
  }

  onClosed(life: Life): void {
    const { pieceMemory, connections, dialing } = life.engine.usage;
    const left = { pieceMemory, connections, dialing, timers: life.ports.clock.live };
    for (const [what, count] of Object.entries(left)) {
      if (count !== 0) this.wrong(`${what} of the ${life.role} after its end: ${count}`);
    }
  }

  /** Before the end: what is claimed to be verified must be right. */
  onClosing(life: Life, verified: readonly number[]): void {
    this.#hashFailures += life.torrent.stats().hashFailures;
    const { info, content } = this.#options.sample;
    for (const piece of verified) {
      const start = piece * info.pieceLength;
      const right = content.subarray(start, Math.min(content.length, start + info.pieceLength));
      if (Buffer.compare(life.medium.peek(start, right.length), right) !== 0) {
        this.wrong(`piece ${piece} of the ${life.role} is verified and wrong`);
      }
    }
  }

  #medium(purpose: string, full: boolean): SimDisk {
    const { info, content } = this.#options.sample;
    const random = this.#world.random(purpose);
    const medium = new SimDisk({
      clock: this.#world.clock,
      random,
      length: info.length,
      files: info.files,
      seekMs: 2,
      bytesPerSecond: 20_000_000,
    });
    if (full) medium.fill(0, content);
    return medium;
  }

  #isSubject(life: Life): boolean {
    return life.role === this.#options.subject;
  }

  #givenUp(life: Life): boolean {
    return this.#retries > RETRIES && life.torrent.state === 'failed';
  }

  /** What people read is a sentence. */
  #checkSentence({ message }: Error): void {
    if (!/^[A-Za-z].* .*\.$/s.test(message)) this.wrong(`no sentence: ${JSON.stringify(message)}`);
  }
}

/** An engine from its start to its end. */
class Life {
  readonly role: 'leech' | 'seed';
  readonly engine: Engine;
  readonly torrent: Torrent;
  readonly medium: SimDisk;
  readonly ports: FaultyPorts;
  readonly #scene: FaultScene;
  #closed = false;
  /** Where the reader goes on, in the torrent and in what readers deliver. */
  #position = 0;
  #delivered = 0;
  #reader: Reader | undefined;

  constructor(scene: FaultScene, host: Host, medium: SimDisk, state: StateStore, role: 'leech' | 'seed') {
    this.role = role;
    this.medium = medium;
    this.#scene = scene;
    const { sample, subject, magnet } = scene.options;
    const calls = subject === role ? scene.calls : new Calls();
    const ports: Ports = { ...host.ports, hasher: nodeHasher };
    this.ports = faultyPorts(ports, calls);
    this.engine = new Engine(this.ports, { openHttpTracker: httpTrackers() });
    // Who cannot listen is told so, and goes on without.
    if (magnet !== true) this.engine.listen(PORT).catch((error: Error) => scene.onWarning(this, error));
    const isSeed = role === 'seed';
    const blind = magnet === true && !isSeed;
    this.torrent = this.engine.add(
      {
        hashes: sample.hashes,
        infoBytes: blind ? undefined : sample.infoBytes,
        pieceLayers: blind ? undefined : sample.pieceLayers,
        openDisk: () => openFaultyDisk(() => medium.open(), calls),
        state: faultyState(state, calls),
        trackers: [[TRACKER]],
        webSeeds: isSeed ? [] : [scene.webSeed],
        peers: isSeed || magnet === true ? [] : [{ host: '10.0.0.1', port: PORT }],
      },
      this.#observer(),
    );
  }

  async close(): Promise<void> {
    const { world } = this.#scene;
    this.#closed = true;
    this.#reader?.close();
    const { verified } = this.torrent;
    const pieces = verified === undefined ? [] : [...verified.indexes()];
    let ended = false;
    this.engine.close().then(
      () => {
        ended = true;
      },
      (error: Error) => {
        this.#scene.onCloseError(this, error);
        ended = true;
      },
    );
    if (!(await world.run({ until: () => ended, limit: 120_000 }))) {
      this.#scene.wrong(`the ${this.role}'s engine does not end`);
    }
    this.#scene.onClosing(this, pieces);
    // Connections take leave of each other, and a hash that is late still has its buffer.
    await world.run({ limit: 6000 });
    this.#scene.onClosed(this);
  }

  /** What people do when all is well again. */
  tryAgain(): void {
    if (this.torrent.state === 'failed') this.torrent.resume();
    else
      this.torrent
        .recheck()
        .catch((error: Error) => this.#scene.wrong(`a check ended with ${error.message}`));
  }

  #observer(): TorrentObserver {
    const log = recordLog(this.ports.clock);
    return {
      ...log,
      onReady: () => {
        if (this.role === 'leech') void this.#readAll();
      },
      onWarning: (error) => this.#scene.onWarning(this, error),
      onError: (error) => this.#scene.onError(this, error),
    };
  }

  /** Reads everything, as a player does; goes on where it was when the torrent is ready again. */
  async #readAll(): Promise<void> {
    this.#reader?.close();
    const { length } = this.#scene.options.sample.content;
    const reader = this.torrent.createReader({ start: this.#position, end: length });
    this.#reader = reader;
    try {
      for (;;) {
        const bytes = await reader.read(50_000);
        if (bytes === undefined) return;
        this.#delivered = this.#scene.onRead(this.#delivered, bytes);
        this.#position = reader.position;
      }
    } catch (error) {
      // A reader ends with its torrent, and says so.
      if (!(error instanceof ReaderError)) this.#scene.wrong(`a reader ended with ${String(error)}`);
      else if (error.code === 'READ_FAILED' && reader === this.#reader) {
        // The player's own "try again".
        this.#scene.world.clock.setTimer(READ_AGAIN, () => {
          if (!this.#closed && this.torrent.state === 'active') void this.#readAll();
        });
      }
    }
  }
}

function same(medium: SimDisk, { content }: SampleTorrent): boolean {
  return Buffer.compare(medium.peek(0, content.length), content) === 0;
}
