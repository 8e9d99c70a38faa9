/** What a client has asked for one torrent, and what is known of it by now: enough to add it to another engine as it is. */

import { LazyMap } from '../protocol/lazy-collections.ts';
import type {
  AddSettings,
  CommandName,
  Commands,
  MetadataSnapshot,
  TorrentEvent,
  TorrentKey,
  TorrentSource,
} from './protocol.ts';
import { SelectionWishes } from './selection-wishes.ts';

/** A command with what it takes. */
export type Command = {
  readonly [C in CommandName]: { readonly command: C; readonly args: Commands[C]['args'] };
}[CommandName];

/** How a torrent came to be. */
export type Begin = Extract<Command, { readonly command: 'add' | 'seed' }>;

export interface Replay {
  readonly begin: Begin;
  /** To follow it, in order. */
  readonly after: readonly Command[];
}

/** Where a torrent may come from, beside what its source says. */
export interface AddedSources {
  readonly announce: readonly string[];
  readonly urlList: readonly string[];
  readonly peers: readonly string[];
}

/** Most peers, trackers and web seeds that are remembered, of each. */
const MOST_ADDED = 200;

export class TorrentJournal {
  readonly #begin: Begin;
  readonly wishes: SelectionWishes = new SelectionWishes();
  #paused: boolean;
  #limits: { download?: number | null; upload?: number | null } = {};
  #goals: AddSettings['goals'];
  #forced = false;
  #path: string | undefined;
  readonly #peers = new Set<string>();
  readonly #trackers = new Set<string>();
  /** Whether each was added or removed. */
  readonly #webSeeds = new LazyMap<string, boolean>();
  /** Where the host has said that files are, which earlier hosts have renamed. */
  readonly #renamed = new LazyMap<number, string>();
  #metadata: MetadataSnapshot | undefined;
  #torrentFile: Uint8Array | undefined;

  constructor(begin: Begin) {
    this.#begin = begin;
    this.#paused = begin.args.options.paused === true;
    this.#goals = begin.args.options.goals;
  }

  get torrent(): TorrentKey {
    return this.#begin.args.torrent;
  }

  /** What it was added with. */
  get settings(): AddSettings {
    return this.#begin.args.options;
  }

  get begin(): Begin {
    return this.#begin;
  }

  get metadata(): MetadataSnapshot | undefined {
    return this.#metadata;
  }

  get torrentFile(): Uint8Array | undefined {
    return this.#torrentFile ?? this.#metadata?.torrentFile;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get renamed(): ReadonlyMap<number, string> {
    return this.#renamed;
  }

  /** A command of the client: what of it lasts is remembered. */
  record({ command, args }: Command): void {
    switch (command) {
      case 'selectFiles':
        this.wishes.selectFiles(args.files);
        break;
      case 'selectPieces':
        this.wishes.selectPieces(args);
        break;
      case 'deselectPieces':
        this.wishes.selectPieces({ first: args.first, last: args.last, priority: 0 });
        break;
      case 'criticalPieces':
        this.wishes.criticalPieces(args.first, args.last);
        break;
      case 'pause':
        this.#paused = true;
        break;
      case 'resume':
        this.#paused = false;
        break;
      case 'setTorrentLimits': {
        const { download, upload } = args;
        if (download !== undefined) this.#limits.download = download;
        if (upload !== undefined) this.#limits.upload = upload;
        break;
      }
      case 'setGoals':
        this.#goals = args.goals;
        break;
      case 'forceStart':
        this.#forced = args.forced;
        break;
      case 'addPeer':
        remember(this.#peers, args.address);
        break;
      case 'addTracker':
        remember(this.#trackers, args.url);
        break;
      case 'addWebSeed':
      case 'removeWebSeed':
        if (this.#webSeeds.size < MOST_ADDED || this.#webSeeds.has(args.url)) {
          this.#webSeeds.set(args.url, command === 'addWebSeed');
        }
        break;
    }
  }

  /** It was moved to this folder. */
  moved(path: string): void {
    this.#path = path;
  }

  /** What the host tells of the torrent. */
  hear(event: TorrentEvent): void {
    switch (event.type) {
      case 'metadata':
        this.#metadata ??= event.metadata;
        this.wishes.onMetadata(event.metadata);
        break;
      case 'torrentFile':
        this.#torrentFile = event.torrentFile;
        break;
      case 'ready':
        this.wishes.onReady();
        break;
      case 'renamed':
        for (const { index, path } of event.files) this.#renamed.set(index, path);
        break;
      case 'goal':
        this.#paused = true;
        break;
    }
  }

  /** The same torrent for another engine. @param peers addresses of peers that it was connected to. */
  again(peers: readonly string[] = []): Replay {
    const options = this.#settingsNow(peers);
    const first = this.#begin;
    const begin: Begin =
      first.command === 'add'
        ? { command: 'add', args: { torrent: this.torrent, source: this.#source(), options } }
        : {
            command: 'seed',
            args: { ...first.args, options: { ...first.args.options, ...options, made: this.torrentFile } },
          };
    return { begin, after: this.commands() };
  }

  /** What of it takes commands, for an engine that has the torrent. */
  commands(): Command[] {
    const { torrent, wishes } = this;
    const commands: Command[] = [];
    if (wishes.files.length > 0) {
      commands.push({ command: 'selectFiles', args: { torrent, files: wishes.files } });
    }
    for (const { first, last, priority } of wishes.pieces) {
      commands.push(
        priority === 0
          ? { command: 'deselectPieces', args: { torrent, first, last } }
          : { command: 'selectPieces', args: { torrent, first, last, priority } },
      );
    }
    for (const { first, last } of wishes.critical) {
      commands.push({ command: 'criticalPieces', args: { torrent, first, last } });
    }
    for (const [url, added] of this.#webSeeds) {
      if (!added) commands.push({ command: 'removeWebSeed', args: { torrent, url } });
    }
    if (this.#forced) commands.push({ command: 'forceStart', args: { torrent, forced: true } });
    return commands;
  }

  /** Trackers, web seeds and peers that were added to those of its source. */
  get added(): AddedSources {
    const { announce = [], urlList = [], peers = [] } = this.settings;
    const seeds = [...this.#webSeeds].flatMap(([url, added]) => (added ? [url] : []));
    return {
      announce: [...new Set([...announce, ...this.#trackers])],
      urlList: [...new Set([...urlList, ...seeds])].filter((url) => this.#webSeeds.get(url) !== false),
      peers: [...new Set([...peers, ...this.#peers])],
    };
  }

  #settingsNow(peers: readonly string[]): AddSettings {
    const { added, settings } = this;
    const metadata = this.#metadata;
    // A magnet link may have said which files; what it has become does not.
    const deselected = settings.deselect === true ? [] : (metadata?.deselected ?? []);
    const left = new Set(deselected);
    const selectOnly =
      settings.selectOnly ??
      (left.size === 0
        ? undefined
        : metadata?.files.flatMap(({ index }) => (left.has(index) ? [] : [index])));
    const plain = metadata !== undefined && this.torrentFile === undefined;
    const { download = settings.downloadLimit, upload = settings.uploadLimit } = this.#limits;
    return {
      ...settings,
      announce: [...new Set([...(plain ? metadata.announce : []), ...added.announce])],
      urlList: [...new Set([...(plain ? metadata.urlList : []), ...added.urlList])],
      peers: [...new Set([...added.peers, ...peers])],
      paused: this.#paused,
      selectOnly,
      downloadLimit: download ?? undefined,
      uploadLimit: upload ?? undefined,
      goals: this.#goals,
      location: this.#path === undefined ? settings.location : { ...settings.location, path: this.#path },
    };
  }

  /** So that no metadata is fetched a second time. */
  #source(): TorrentSource {
    if (this.torrentFile !== undefined) return { kind: 'metainfo', bytes: this.torrentFile };
    if (this.#metadata !== undefined) return { kind: 'info', bytes: this.#metadata.infoBytes };
    const { args } = this.#begin;
    return 'source' in args ? args.source : { kind: 'infoHash', text: '' };
  }
}

function remember(set: Set<string>, text: string): void {
  if (set.size < MOST_ADDED) set.add(text);
}
