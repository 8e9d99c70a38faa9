/** One cell of the transfer matrix: a download through the real storage mapping, from begin to end. */

import { type FileStore, openMovableDisk } from 'freshet/engine';
import { MemoryFileStore, MemoryState, type SampleTorrent, sampleTorrent } from 'freshet/memory';
import { liar } from './actors/liar.ts';
import { type Content, realContent } from './content.ts';
import { nodeHasher } from './faults/node-hasher.ts';
import { type Cell, fileLengths, pieceLength } from './matrix.ts';
import { type WebSeedFault, type WebSeedHost, webSeedHost } from './servers/web-seed-host.ts';
import { type Peer, type PeerOptions, World } from './world.ts';

export interface CellOutcome {
  /** Everything that must not be, as sentences. */
  readonly wrongs: readonly string[];
  /** It was lied to, and whoever did it is known for it. */
  readonly caught: boolean;
  /** The download was cut short by the restart of the cell, and not only before or after it. */
  readonly cut: boolean;
}

const PORT = 6881;
/** Milliseconds that a download may take. */
const LIMIT = 300_000;
/** Milliseconds for which the honest wait for the liar to begin. */
const HEAD_START = 3000;
/** Bytes behind the end of files that are too long. */
const TOO_MUCH = 70_000;
/** About half of what is missing, as a part of everything. */
const HALF: Readonly<Record<Cell['existing'], number>> = {
  none: 0.5,
  wrong: 0.5,
  'partly right': 0.2,
  'too long': 0.1,
};

const samples = new Map<string, Promise<SampleTorrent>>();

/** Cells of the same content share it: it is only read. */
function sampleOf(cell: Cell): Promise<SampleTorrent> {
  const key = `${cell.version} ${cell.pieces} ${cell.files}`;
  let sample = samples.get(key);
  if (sample === undefined) {
    const lengths = fileLengths(cell);
    const files = lengths.map((length, i) => ({ path: i % 2 === 0 ? [`${i}`] : ['folder', `${i}`], length }));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const listed = cell.files === 'one' ? {} : { files };
    sample = sampleTorrent(total, pieceLength(cell), { version: cell.version, ...listed });
    samples.set(key, sample);
  }
  return sample;
}

export async function runCell(cell: Cell, seed: number): Promise<CellOutcome> {
  return new CellRun(cell, await sampleOf(cell), seed).run();
}

class CellRun {
  readonly #cell: Cell;
  readonly #sample: SampleTorrent;
  readonly #content: Content;
  readonly #world: World;
  readonly #wrongs: string[] = [];
  readonly #liar = liar({ blocks: 'all' });
  /** Those that have everything; the liar comes first. */
  readonly #sources: Peer[] = [];
  #web: WebSeedHost | undefined;
  /** Bytes per second of a line: the download takes about a second, so there is a middle to be cut in. */
  readonly #rate: number;
  #cut = false;

  constructor(cell: Cell, sample: SampleTorrent, seed: number) {
    this.#cell = cell;
    this.#sample = sample;
    this.#content = { ...realContent(sample), hasher: nodeHasher };
    this.#world = new World({ seed });
    this.#rate = fileLengths(cell).reduce((sum, length) => sum + length, 0);
  }

  async run(): Promise<CellOutcome> {
    const { restart } = this.#cell;
    this.#openSources();
    let store = new MemoryFileStore();
    await this.#fill(store);
    let leech: Peer;
    if (restart === 'none') {
      leech = this.#start(store);
    } else {
      const state = restart === 'with resume data' ? new MemoryState() : undefined;
      const first = this.#start(store, state);
      await this.#download(first, () => this.#halfway(first));
      this.#cut = !first.torrent.done;
      if (restart === 'with resume data') {
        this.#world.retire(first);
        if (!(await this.#world.run({ until: () => !this.#world.peers.includes(first), limit: 60_000 }))) {
          this.#wrongs.push('the first engine does not end');
        }
      } else {
        this.#world.network.setOnline(first.host.address, false);
        store = await copyOf(store);
      }
      leech = this.#start(store, state);
    }
    await this.#download(leech, () => leech.torrent.done);
    if (!leech.torrent.done) this.#wrongs.push(`not done: ${JSON.stringify(leech.torrent.stats())}`);
    for (const error of leech.log.errors) this.#wrongs.push(`it failed: ${error.message}`);
    const caught = this.#judgeLiars(leech);
    await this.#world.close();
    const { pieceMemory } = leech.engine.usage;
    if (pieceMemory !== 0) this.#wrongs.push(`${pieceMemory} bytes of piece memory are left`);
    await this.#compare(store);
    return { wrongs: this.#wrongs, caught, cut: this.#cut };
  }

  #openSources(): void {
    const { webSeed, lies } = this.#cell;
    if (webSeed !== 'only') {
      if (lies === 'a peer') this.#addSource(this.#liar.wrapLink);
      this.#addSource(undefined);
    }
    if (webSeed === 'none') return;
    const { length } = this.#sample.info;
    const lie: WebSeedFault = { kind: 'corrupt', offset: 0, length };
    this.#web = webSeedHost(this.#world, {
      address: '10.9.0.1',
      line: { latencyMs: 5, up: 1_000_000 },
      content: this.#content,
      delayMs: 150,
      faults: lies === 'the web seed' ? [lie] : [],
    });
  }

  #addSource(wrapLink: PeerOptions['wrapLink']): void {
    // Slower than a web seed that lies, which would have nothing to say otherwise.
    const up = this.#cell.lies === 'the web seed' ? this.#rate / 4 : this.#rate;
    this.#sources.push(this.#world.peer({ content: this.#content, seed: true, line: { up }, wrapLink }));
  }

  #start(store: FileStore, state?: MemoryState): Peer {
    const { input } = this.#cell;
    return this.#world.peer({
      content: this.#content,
      magnet: input === 'magnet',
      line: { down: this.#rate },
      spec: {
        openDisk: async (info) => openMovableDisk({ info, infoHash: this.#sample.infoHash, store }),
        state,
        webSeeds: this.#web === undefined ? [] : [this.#web.url],
      },
    });
  }

  /** Whoever lies begins, so that there is something to be found out. */
  async #download(leech: Peer, until: () => boolean): Promise<void> {
    const { lies } = this.#cell;
    const [first, ...others] = this.#sources;
    const { host } = leech;
    const webLies = (): number => this.#web?.fired('corrupt') ?? 0;
    const liesBefore = webLies();
    if (lies === 'the web seed') {
      if (this.#cell.input === 'torrent') {
        const lied = (): boolean => webLies() > liesBefore && leech.torrent.stats().received.webseed > 0;
        await this.#world.run({ until: () => lied() || until(), limit: HEAD_START });
      }
    } else if (lies === 'a peer') {
      this.#world.introduce(leech, first!);
      const lied = (): boolean => (this.#liar.liesTo.get(host.address) ?? 0) > 0;
      await this.#world.run({ until: () => lied() || until(), limit: HEAD_START });
      for (const other of others) this.#world.introduce(leech, other);
      await this.#world.run({ until, limit: LIMIT });
      return;
    }
    for (const source of this.#sources) this.#world.introduce(leech, source);
    await this.#world.run({ until, limit: LIMIT });
  }

  #judgeLiars(leech: Peer): boolean {
    const { lies } = this.#cell;
    const banned = this.#sources.filter(({ host }) =>
      leech.torrent.swarm.candidates.isBanned({ host: host.address, port: PORT }),
    );
    const [web] = leech.torrent.webSeeds();
    const webBlamed = web?.state === 'failed';
    const liarBanned = lies === 'a peer' && banned.includes(this.#sources[0]!);
    if (banned.length > (liarBanned ? 1 : 0)) this.#wrongs.push('somebody honest is banned');
    if (webBlamed && lies !== 'the web seed') this.#wrongs.push(`the web seed is blamed: ${web.lastError}`);
    const { hashFailures, received } = leech.torrent.stats();
    if (lies === 'nobody' && hashFailures > 0) {
      this.#wrongs.push(`${hashFailures} wrong hashes, and nobody lied`);
    }
    const liedTo = this.#liar.liesTo.get(leech.host.address) ?? 0;
    if (liedTo > 0 && !liarBanned) this.#wrongs.push('the liar is not banned');
    if (lies === 'the web seed' && received.webseed > 0 && !webBlamed) {
      this.#wrongs.push('the web seed that lies is not blamed');
    }
    return liarBanned || (webBlamed && lies === 'the web seed');
  }

  /** What is there before: bytes of the right length, wrong all of them or beside right ones, or too many. */
  async #fill(store: MemoryFileStore): Promise<void> {
    const { existing } = this.#cell;
    if (existing === 'none') return;
    const tooLong = existing === 'too long';
    const files = this.#sample.info.files.filter((file) => !file.padding && (tooLong || file.length > 0));
    for (const [i, { path, offset, length }] of files.entries()) {
      if (existing === 'partly right' && i > 0 && i === files.length - 1) continue;
      const bytes = this.#sample.content.slice(offset, offset + length);
      // Nothing is fetched for a file that is right but for its length.
      const whole = tooLong && files.length > 1 && i === 0;
      const right = whole ? length : existing === 'wrong' ? 0 : Math.floor(length * 0.6);
      for (let at = right; at < length; at++) bytes[at] = bytes[at]! ^ 0xff;
      const file = await store.open(path, true);
      await file.write(0, tooLong ? [bytes, new Uint8Array(TOO_MUCH).fill(1)] : [bytes]);
      await file.close();
    }
  }

  /** About half of what the download has to bring has come. */
  #halfway({ torrent }: Peer): boolean {
    const { received } = torrent.stats();
    const come = Object.values(received).reduce((sum, bytes) => sum + bytes, 0);
    return torrent.done || come >= this.#rate * HALF[this.#cell.existing];
  }

  async #compare(store: MemoryFileStore): Promise<void> {
    const files = this.#sample.info.files.filter((file) => !file.padding);
    const expected = files.map((file) => file.path.join('/')).sort();
    const there = store.paths();
    if (there.join() !== expected.join()) this.#wrongs.push(`the files are ${there}, not ${expected}`);
    for (const { path, offset, length } of files) {
      const stored = store.peek(path);
      const bytes = new Uint8Array(length);
      stored.read(0, bytes);
      const right = this.#sample.content.subarray(offset, offset + length);
      if (stored.size !== length || Buffer.compare(bytes, right) !== 0) {
        this.#wrongs.push(`${path.join('/')} is wrong: ${stored.size} of ${length} bytes`);
      }
    }
  }
}

/** What a crash leaves of a folder. */
async function copyOf(store: MemoryFileStore): Promise<MemoryFileStore> {
  const copy = new MemoryFileStore();
  for (const key of store.paths()) {
    const path = key.split('/');
    const stored = store.peek(path);
    const bytes = new Uint8Array(stored.size);
    stored.read(0, bytes);
    const file = await copy.open(path, true);
    await file.write(0, [bytes]);
    await file.close();
  }
  return copy;
}
