/** One client's share in a torrent, from when it asks for it. */

import { DestroyedError } from './errors.ts';
import type { CommandName, TorrentEvent, TorrentKey } from './protocol.ts';
import type { SharedTorrent } from './shared-torrent.ts';
import { type Begin, type Command, TorrentJournal } from './torrent-journal.ts';

/** The client that a torrent belongs to, as far as the torrent knows it. */
export interface MemberOwner {
  /** @param onHeard called when the client has heard it, and its commands have come; also when it is gone. */
  tell(torrent: TorrentKey, event: TorrentEvent, onHeard?: () => void): void;
}

/** What need not wait until a torrent is known. */
const QUESTIONS: ReadonlySet<CommandName> = new Set<CommandName>([
  'peers',
  'trackers',
  'webSeeds',
  'pieces',
  'removePeer',
]);

/** One client's share in a torrent. */
export class Member {
  readonly owner: MemberOwner;
  readonly journal: TorrentJournal;
  /** Its wishes count: it has said what it wants, or the torrent is not asked for anything yet. */
  decided = true;
  /** What the engine was asked to add for it. */
  begun: SharedTorrent | undefined;
  #shared: SharedTorrent | undefined;
  #ended: Error | undefined;
  /** Called when it is known which torrent of the engine it is, or that there is none. */
  #waiting: (() => void)[] = [];

  constructor(owner: MemberOwner, begin: Begin) {
    this.owner = owner;
    this.journal = new TorrentJournal(begin);
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** The torrent as the engine has it, once that is known. @throws {FreshetError} after its end. */
  get shared(): SharedTorrent | undefined {
    if (this.#ended !== undefined) throw this.#ended;
    return this.#shared;
  }

  tell(event: TorrentEvent, onHeard?: () => void): void {
    this.journal.hear(event);
    this.owner.tell(this.journal.torrent, event, onHeard);
  }

  /** The engine's torrent, as soon as it is known; rejects at its end. */
  settled(): Promise<SharedTorrent> {
    return new Promise((resolve, reject) => {
      this.#whenKnown(() => {
        try {
          resolve(this.shared!);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** A command, now or as soon as there is a torrent to give it to. */
  async command(command: Command): Promise<unknown> {
    this.journal.record(command);
    const shared = this.shared ?? (QUESTIONS.has(command.command) ? this.begun : undefined);
    if (shared !== undefined) return shared.command(command);
    return new Promise((resolve, reject) => {
      this.#whenKnown(() => {
        try {
          this.shared!.command(command).then(resolve, reject);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** It is this torrent of the engine. */
  settle(shared: SharedTorrent): void {
    if (this.ended) return;
    this.#shared = shared;
    this.#tellWaiting();
  }

  end(error: Error): void {
    this.#ended ??= error;
    this.#tellWaiting();
  }

  #whenKnown(then: () => void): void {
    if (this.#shared !== undefined || this.ended) then();
    else this.#waiting.push(then);
  }

  #tellWaiting(): void {
    for (const then of this.#waiting.splice(0)) then();
  }
}

/** The end that a client brought about itself. */
export function removed(): DestroyedError {
  return new DestroyedError('The torrent was removed.');
}
