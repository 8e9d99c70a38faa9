/** One torrent of the engine, with the clients that have it. */

import type { Clock } from '../engine/ports.ts';
import { ArgumentError } from './errors.ts';
import type { Member } from './member.ts';
import type { Session, TorrentEvent, TorrentKey, TorrentSource } from './protocol.ts';
import { SharedSelection } from './shared-selection.ts';
import { hintsOf } from './source-hints.ts';
import type { Command } from './torrent-journal.ts';
import { TorrentRecord } from './torrent-record.ts';

/** Sources that have the metadata in them. */
const HAVE_METADATA: ReadonlySet<TorrentSource['kind']> = new Set<TorrentSource['kind']>([
  'metainfo',
  'info',
  'blob',
]);

/** Milliseconds for which a torrent waits for its clients' commands at `ready`. */
const HEARD_WITHIN = 500;

/**
 * A torrent that several clients may have. A file or piece is wanted if one of them wants it, as much as by who wants it
 * most; it is paused when all have paused it; of limits, goals, names and its place in the queue the last word counts.
 * `done` says that all that any of them wants is there.
 */
export class SharedTorrent {
  readonly key: TorrentKey;
  readonly record: TorrentRecord = new TorrentRecord();
  readonly #session: Session;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #members = new Set<Member>();
  /** Once it has had several clients: what they want together. */
  #selection: SharedSelection | undefined;
  #selectionDue = false;
  #paused: boolean;
  #closing: Promise<void> | undefined;

  constructor(key: TorrentKey, session: Session, clock: Pick<Clock, 'setTimer'>, first: Member) {
    this.key = key;
    this.#session = session;
    this.#clock = clock;
    this.#members.add(first);
    this.#paused = first.journal.paused;
  }

  get members(): ReadonlySet<Member> {
    return this.#members;
  }

  /** Resolves when the engine has let go of it; `undefined` while it has clients. */
  get closing(): Promise<void> | undefined {
    return this.#closing;
  }

  /** What the engine tells. At `ready`, resolves when the clients have heard it. */
  hear(event: TorrentEvent): Promise<unknown> | undefined {
    this.record.hear(event);
    if (event.type === 'goal') this.#paused = true;
    if (event.type === 'ready') return this.#tellReady(event);
    for (const member of [...this.#members]) {
      member.tell(event);
      // Whoever added it waits with its commands for this.
      if (event.type === 'infoHash') member.settle(this);
    }
    if (event.type === 'metadata') this.#applySelection();
    return undefined;
  }

  /** One more client: it is told how things stand, and has its say. */
  join(member: Member): void {
    this.#members.add(member);
    this.#selection ??= new SharedSelection();
    member.decided = false;
    let held = false;
    const decide = (): void => {
      if (member.decided || !this.#members.has(member)) return;
      member.decided = true;
      this.#applySelection();
      const { record } = this;
      if (record.done && !this.#selection!.isMissingAny((piece) => record.has(piece))) {
        member.tell({ type: 'done' });
      }
    };
    for (const event of this.record.replay()) {
      if (event.type === 'ready') {
        held = true;
        this.#clock.setTimer(HEARD_WITHIN, decide);
        member.tell(event, decide);
      } else member.tell(event);
    }
    member.settle(this);
    if (!held) decide();
    this.#bring(member);
    if (this.record.failed || (this.#paused && !member.journal.paused)) this.#resume();
  }

  /** One client less. Resolves when that is done; the last one's end is the torrent's. */
  leave(member: Member, destroyStore: boolean): Promise<void> {
    if (!this.#members.delete(member)) return this.#closing ?? Promise.resolve();
    if (this.#members.size === 0) {
      this.#closing = this.#session
        .request('remove', { torrent: this.key, destroyStore })
        .then(() => undefined);
      return this.#closing;
    }
    this.#applySelection();
    this.#pauseIfAll();
    return Promise.resolve();
  }

  /** A command of one of them. */
  async command(command: Command): Promise<unknown> {
    switch (command.command) {
      case 'selectFiles':
      case 'selectPieces':
      case 'deselectPieces':
        if (this.#selection === undefined) break;
        this.#checkPieces(command);
        this.#selectionSoon();
        return undefined;
      case 'pause':
        this.#pauseIfAll();
        return undefined;
      case 'resume':
        this.#resume();
        return undefined;
    }
    return this.#ask(command);
  }

  /** Puts in force what was selected in this turn. */
  selectNow(): void {
    if (this.#selectionDue) this.#applySelection();
  }

  #ask(command: Command): Promise<unknown> {
    const args = { ...command.args, torrent: this.key };
    return this.#session.request(command.command, args as never);
  }

  #askAside(command: Command): void {
    this.#ask(command).catch(() => undefined);
  }

  #tellReady(event: TorrentEvent): Promise<void> {
    return new Promise((resolve) => {
      const waiting = new Set(this.#members);
      const timer = this.#clock.setTimer(HEARD_WITHIN, resolve);
      for (const member of [...waiting]) {
        member.tell(event, () => {
          waiting.delete(member);
          if (waiting.size > 0) return;
          timer.cancel();
          this.selectNow();
          resolve();
        });
      }
    });
  }

  #pauseIfAll(): void {
    if (this.#paused || ![...this.#members].every(({ journal }) => journal.paused)) return;
    this.#paused = true;
    this.#askAside({ command: 'pause', args: { torrent: this.key } });
  }

  #resume(): void {
    this.#paused = false;
    this.record.resumed();
    this.#askAside({ command: 'resume', args: { torrent: this.key } });
  }

  /** What a newcomer knows and wants beside pieces. */
  #bring({ journal }: Member): void {
    const torrent = this.key;
    const { begin, settings, added } = journal;
    const source = begin.command === 'add' ? begin.args.source : undefined;
    const hints = source && hintsOf(source);
    if (source !== undefined && this.record.metadata === undefined && HAVE_METADATA.has(source.kind)) {
      this.#askAside({ command: 'setMetadata', args: { torrent, source } });
    }
    for (const url of new Set([...(hints?.announce ?? []), ...added.announce])) {
      this.#askAside({ command: 'addTracker', args: { torrent, url } });
    }
    for (const url of new Set([...(hints?.urlList ?? []), ...added.urlList])) {
      this.#askAside({ command: 'addWebSeed', args: { torrent, url } });
    }
    for (const address of new Set([...(hints?.peers ?? []), ...added.peers])) {
      this.#askAside({ command: 'addPeer', args: { torrent, address } });
    }
    const { downloadLimit: download, uploadLimit: upload, goals } = settings;
    if (download !== undefined || upload !== undefined) {
      const limits = { ...(download !== undefined && { download }), ...(upload !== undefined && { upload }) };
      this.#askAside({ command: 'setTorrentLimits', args: { torrent, ...limits } });
    }
    if (goals !== undefined) this.#askAside({ command: 'setGoals', args: { torrent, goals } });
  }

  #checkPieces(command: Command): void {
    if (command.command !== 'selectPieces' && command.command !== 'deselectPieces') return;
    const { first, last } = command.args;
    const count = this.record.metadata?.pieceCount ?? Number.POSITIVE_INFINITY;
    const valid = Number.isInteger(first) && Number.isInteger(last) && first >= 0 && first <= last;
    if (!valid) throw new ArgumentError(`"${first} to ${last}" is no range of pieces.`);
    if (last < count) return;
    throw new ArgumentError(`There are no pieces ${first} to ${last} in a torrent of ${count}.`);
  }

  /** Programs select in loops. */
  #selectionSoon(): void {
    if (this.#selectionDue) return;
    this.#selectionDue = true;
    void Promise.resolve().then(() => this.selectNow());
  }

  #applySelection(): void {
    this.#selectionDue = false;
    const { metadata } = this.record;
    if (this.#selection === undefined || metadata === undefined) return;
    const wishers = [...this.#members].filter(({ decided }) => decided).map(({ journal }) => journal);
    if (wishers.length === 0) return;
    const change = this.#selection.update(wishers, metadata);
    if (change === undefined) return;
    const torrent = this.key;
    this.#askAside({ command: 'selectFiles', args: { torrent, files: change.files } });
    for (const { first, last, priority } of change.pieces) {
      this.#askAside(
        priority === 0
          ? { command: 'deselectPieces', args: { torrent, first, last } }
          : { command: 'selectPieces', args: { torrent, first, last, priority } },
      );
    }
  }
}
