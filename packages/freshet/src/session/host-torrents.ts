/** The engine's torrents, and which clients have them. */

import type { Clock } from '../engine/ports.ts';
import type { ErrorValue } from './errors.ts';
import { fromErrorValue } from './errors.ts';
import { type Member, removed } from './member.ts';
import type { Session, TorrentEvent, TorrentKey } from './protocol.ts';
import { SharedTorrent } from './shared-torrent.ts';

export class HostTorrents {
  readonly #session: Session;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #torrents = new Map<TorrentKey, SharedTorrent>();
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
    member.begun = shared;
    const { command, args } = member.journal.begin;
    await this.#session.request(command, { ...args, torrent: key } as never);
  }

  /** What the engine tells of a torrent. At `ready`, resolves when its clients have heard it. */
  hear(key: TorrentKey, event: TorrentEvent): Promise<unknown> | undefined {
    const torrent = this.#torrents.get(key);
    if (torrent === undefined || torrent.closing !== undefined) return undefined;
    if (event.type === 'error' && event.error.code === 'DUPLICATE_TORRENT') {
      this.#onDuplicate(torrent, event.error);
      return undefined;
    }
    return torrent.hear(event);
  }

  /** One client lets go of it. Resolves when that is done, which of the last one is the torrent's end. */
  async leave(member: Member, destroyStore: boolean): Promise<void> {
    if (member.ended) return;
    const torrent = member.shared ?? member.begun;
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

  /**
   * The engine has it already, which may be found out at once or with the metadata: as another client's, which these get
   * to share, or as one that is being removed.
   */
  #onDuplicate(torrent: SharedTorrent, error: ErrorValue): void {
    this.#torrents.delete(torrent.key);
    this.#session.request('remove', { torrent: torrent.key, destroyStore: false }).catch(() => undefined);
    const existing = [...this.#torrents.values()].find(({ record }) => record.infoHash === error.infoHash);
    for (const member of torrent.members) this.#place(member, error, existing);
  }

  #place(member: Member, error: ErrorValue, existing: SharedTorrent | undefined): void {
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
