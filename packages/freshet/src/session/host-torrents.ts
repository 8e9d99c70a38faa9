/** The engine's torrents, and which clients have them. */

import type { Clock } from '../engine/ports.ts';
import type { ErrorValue } from './errors.ts';
import { fromErrorValue } from './errors.ts';
import type { Session, TorrentEvent, TorrentKey } from './protocol.ts';
import { type Member, removed, SharedTorrent } from './shared-torrent.ts';

export class HostTorrents {
  readonly #session: Session;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #torrents = new Map<TorrentKey, SharedTorrent>();
  /** The engine's torrent of those who do not know yet whether it is theirs alone. */
  readonly #begun = new Map<Member, SharedTorrent>();
  #nextKey = 1;

  constructor(session: Session, clock: Pick<Clock, 'setTimer'>) {
    this.#session = session;
    this.#clock = clock;
  }

  /** Adds what a client asks for. Resolves when the engine has it. */
  async begin(member: Member): Promise<void> {
    const key = this.#nextKey++;
    const shared = new SharedTorrent(key, this.#session, this.#clock, member);
    this.#torrents.set(key, shared);
    this.#begun.set(member, shared);
    const { command, args } = member.journal.begin;
    await this.#session.request(command, { ...args, torrent: key } as never);
  }

  /** What the engine tells of a torrent. At `ready`, resolves when its clients have heard it. */
  hear(key: TorrentKey, event: TorrentEvent): Promise<unknown> | undefined {
    const torrent = this.#torrents.get(key);
    if (torrent === undefined || torrent.closing !== undefined) return undefined;
    if (torrent.record.infoHash === undefined && event.type === 'error') {
      this.#onRefused(torrent, event.error);
      if (event.error.code === 'DUPLICATE_TORRENT') return undefined;
    }
    const told = torrent.hear(event);
    if (event.type === 'infoHash') for (const member of torrent.members) this.#begun.delete(member);
    return told;
  }

  /** One client lets go of it. Resolves when that is done, which of the last one is the torrent's end. */
  async leave(member: Member, destroyStore: boolean): Promise<void> {
    const torrent = this.#begun.get(member) ?? (member.ended ? undefined : member.shared);
    this.#begun.delete(member);
    member.end(removed());
    if (torrent === undefined) return;
    const leaving = torrent.leave(member, destroyStore);
    if (torrent.closing === undefined) return leaving;
    try {
      await leaving;
    } finally {
      this.#torrents.delete(torrent.key);
    }
  }

  /** What the engine did not take. It may be that another client has it. */
  #onRefused(torrent: SharedTorrent, error: ErrorValue): void {
    if (error.code !== 'DUPLICATE_TORRENT') return;
    const [member] = torrent.members;
    this.#torrents.delete(torrent.key);
    this.#session.request('remove', { torrent: torrent.key, destroyStore: false }).catch(() => undefined);
    if (member === undefined) return;
    this.#begun.delete(member);
    const existing = [...this.#torrents.values()].find(({ record }) => record.infoHash === error.infoHash);
    const refuse = (): void => {
      member.tell({ type: 'error', error, resumable: false });
      member.end(fromErrorValue(error));
    };
    if (existing === undefined || error.infoHash === undefined) {
      refuse();
    } else if (existing.closing !== undefined) {
      // As when a page is loaded again: it is added when what its predecessor had is released.
      void existing.closing
        .catch(() => undefined)
        .then(() => (member.ended ? undefined : this.begin(member)))
        .catch(refuse);
    } else if ([...existing.members].some(({ owner }) => owner === member.owner)) {
      refuse();
    } else existing.join(member);
  }
}
