/** What a session tells by itself, in values that survive a structured clone. */

import type { ErrorValue } from './errors.ts';
import type { TorrentKey } from './settings.ts';
import type { MetadataSnapshot, PeerSnapshot, StatsSnapshot } from './snapshot-types.ts';

/** What happens to one torrent. The state that goes with an event is in it or in an earlier one. */
export type TorrentEvent =
  | {
      readonly type: 'infoHash';
      /** 40 hexadecimal characters: the v1 hash, else the beginning of the v2 hash. */
      readonly infoHash: string;
      /** As far as they are known before the metadata. */
      readonly infoHashV1?: string | undefined;
      readonly infoHashV2?: string | undefined;
      readonly magnetURI: string;
      readonly name: string | undefined;
      readonly announce: readonly string[];
      readonly urlList: readonly string[];
      /** Where the files go; absent where there are no paths. */
      readonly path: string | undefined;
    }
  /** Commands given in the very call of the listener are in force before the first request. */
  | { readonly type: 'metadata'; readonly metadata: MetadataSnapshot }
  /** The hashes that a v2 torrent file must have are complete. */
  | { readonly type: 'torrentFile'; readonly torrentFile: Uint8Array }
  | { readonly type: 'checking'; readonly checked: number; readonly total: number }
  /** A seed is being read and hashed. */
  | { readonly type: 'hashing'; readonly hashed: number; readonly total: number }
  /** Also after a recheck, when pieces may have gone. */
  | { readonly type: 'ready'; readonly verified: Uint8Array; readonly stats: StatsSnapshot }
  /** What has come and gone since the last one; at most every 100 ms, and just before `done`. */
  | {
      readonly type: 'progress';
      readonly downloaded: number;
      readonly uploaded: number;
      readonly verified: readonly number[];
      readonly partial: readonly (readonly [index: number, received: number])[];
      readonly stats: StatsSnapshot;
    }
  /** Files are kept under other paths than the torrent's, below its folder. Before `ready`, what earlier runs renamed. */
  | {
      readonly type: 'renamed';
      readonly files: readonly { readonly index: number; readonly path: string }[];
    }
  /** Files are being moved: how many, or bytes where they are copied, of all. */
  | { readonly type: 'moving'; readonly moved: number; readonly total: number }
  /** They are in another folder now. */
  | { readonly type: 'moved'; readonly path: string }
  | { readonly type: 'done' }
  /** The queue has it wait, or lets it run. */
  | { readonly type: 'queued'; readonly queued: boolean }
  /** It has seeded enough and is paused. */
  | { readonly type: 'goal'; readonly goal: 'ratio' | 'seedTime' }
  | { readonly type: 'peer'; readonly peer: PeerSnapshot }
  /** `peer` is what was known of it at its end. */
  | { readonly type: 'peerClosed'; readonly id: number; readonly peer?: PeerSnapshot | undefined }
  /** At most once a second. */
  | { readonly type: 'peers'; readonly peers: readonly PeerSnapshot[] }
  | { readonly type: 'noPeers'; readonly source: string }
  | { readonly type: 'announce'; readonly url: string }
  | { readonly type: 'warning'; readonly error: ErrorValue }
  /** It stopped. `resumable` when `resume` tries again, as after a storage fault. */
  | { readonly type: 'error'; readonly error: ErrorValue; readonly resumable: boolean };

/** What happens to the session as a whole. */
export type GlobalEvent =
  | { readonly type: 'listening'; readonly port: number }
  /** Something is not as it should be, and it goes on. */
  | { readonly type: 'warning'; readonly error: ErrorValue }
  /** It cannot go on. */
  | { readonly type: 'fatal'; readonly error: ErrorValue };

export type SessionEvent =
  | { readonly torrent: TorrentKey; readonly event: TorrentEvent }
  | { readonly torrent?: undefined; readonly event: GlobalEvent };
