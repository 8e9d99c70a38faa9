/** What a session needs of its platform beside the engine's ports. */

import type { OpenHttpTracker } from '../engine/discovery/index.ts';
import type { Disk, Ports, StateStore } from '../engine/ports.ts';
import type { FileStore } from '../engine/storage/file-store.ts';
import type { MovableFiles } from '../engine/storage/torrent-folder.ts';
import type { Info, InfoHash } from '../protocol/index.ts';
import type { FileMoves, FileMovesHost } from './file-moves.ts';
import type { BlobLike, KeptTorrent, StorageLocation } from './protocol.ts';

/** Where one torrent is kept. */
export interface TorrentStorage {
  /** Rejects with `DiskError`. Called again after a fault. */
  openDisk(info: Info): Promise<Disk>;
  /** For resume data; absent when nothing outlives the process anyway. */
  readonly state: StateStore | undefined;
  /** For other names and another place; absent where the files are not ours. */
  readonly files?: MovableFiles | undefined;
  /** `FileMoves`, with `files`. Handed in, so that a platform whose files nobody moves need not have the code. */
  readonly openMoves?: ((host: FileMovesHost) => FileMoves) | undefined;
  /** A sentence that says why it is not kept where it was asked for; absent when it is. */
  readonly reason?: string | undefined;
}

/** One file to seed. */
export interface SeedFile {
  /** Path below the common folder, if there is one; safe. */
  readonly path: readonly string[];
  readonly length: number;
  /** Its owner may execute it, where that is known. */
  readonly executable?: boolean | undefined;
  /** Seconds since 1970, where it is known. */
  readonly mtime?: number | undefined;
  readonly content:
    | { readonly kind: 'path'; readonly path: string }
    | { readonly kind: 'blob'; readonly blob: BlobLike }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array };
}

/** A seed file at its place in the torrent. */
export interface PlacedSeedFile {
  /** As the torrent's info dictionary has it. */
  readonly path: readonly string[];
  readonly seed: SeedFile;
}

/** Torrents in a storage that nobody sees but through this. */
export interface KeptStorage {
  list(): Promise<readonly KeptTorrent[]>;
  /** Removes one, or all, unless in use. The bytes freed; `undefined` when the one is not there or in use. */
  remove(infoHash: string | undefined): Promise<number | undefined>;
}

export interface SessionPlatform {
  readonly ports: Ports;
  /** Where peers are found by address. */
  readonly openHttpTracker?: OpenHttpTracker | undefined;
  /** The folder that a torrent's files go to, as shown to people; `undefined` where there are no folders. */
  pathOf(location: StorageLocation, infoHash: InfoHash): string | undefined;
  /** Rejects with `DiskError`. Creates nothing. */
  openStorage(location: StorageLocation, infoHash: InfoHash): Promise<TorrentStorage>;
  /** Reads a small file, of at most `maxLength` bytes; absent where there are no paths. Rejects with one sentence. */
  readonly readFile?: ((path: string, maxLength: number) => Promise<Uint8Array>) | undefined;
  /**
   * All files at `path`, a file or a folder, sorted, each path beginning with the name of what `path` names. Without
   * `junk`, files that the system strewed about and hidden ones are left out. Rejects with one sentence.
   */
  readonly listSeed?: ((path: string, junk: boolean) => Promise<SeedFile[]>) | undefined;
  /** The folder that a seeded path is in, for `torrent.path`. */
  readonly folderOf?: ((path: string) => string) | undefined;
  /** A read-only store over files that stay where they are. */
  openSeed(files: readonly PlacedSeedFile[]): FileStore;
  /** What is kept of torrents beyond the session; absent where files are the user's own. */
  readonly kept?: KeptStorage | undefined;
  /** Releases what the ports hold. Called once, after the engine has closed. */
  close(): Promise<void>;
}
