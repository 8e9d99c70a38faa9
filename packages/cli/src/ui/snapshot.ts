/** What a display shows of a torrent: plain values, taken at one moment. */

import type { File, Torrent, WebSeedSnapshot } from 'freshet';

export type Phase = 'metadata' | 'checking' | 'downloading' | 'seeding' | 'stopped';

export interface FileLine {
  /** As the user counts, from 1. */
  readonly number: number;
  readonly path: string;
  /** In bytes. */
  readonly length: number;
  /** Verified bytes. */
  readonly done: number;
}

export interface TransferSnapshot {
  readonly phase: Phase;
  readonly name: string;
  /** 0 to 1: of what is wanted, or while checking of what is looked at. */
  readonly progress: number;
  /** Bytes that are wanted, and those of them that are verified. */
  readonly wanted: number;
  readonly verified: number;
  /** Bytes per second. */
  readonly downloadSpeed: number;
  readonly uploadSpeed: number;
  /** Payload bytes of this run. */
  readonly received: number;
  readonly uploaded: number;
  /** Connected peers by transport, such as `tcp` and `webrtc`. */
  readonly peers: Readonly<Record<string, number>>;
  /** Web seeds that are not given up, and those in use. */
  readonly webSeeds: { readonly known: number; readonly active: number };
  /** Seconds; `Infinity` when nothing comes in. */
  readonly remaining: number;
  /** Selected files. */
  readonly files: readonly FileLine[];
}

/** What goes on beside the torrent's own state. */
export interface Watched {
  readonly torrent: Torrent;
  /** What to call it until its name is known. */
  readonly label: string;
  /** Whether a file is selected. */
  isWanted(file: File, place: number): boolean;
  /** 0 to 1 while stored data is verified. */
  readonly checked: number | undefined;
  readonly webSeeds: readonly WebSeedSnapshot[];
}

export function takeSnapshot(watched: Watched): TransferSnapshot {
  const { torrent, checked, webSeeds } = watched;
  const { wantedBytes, wantedVerifiedBytes } = torrent.stats;
  const phase = phaseOf(watched);
  const peers: Record<string, number> = {};
  for (const wire of torrent.wires) {
    const { transport } = wire.status;
    peers[transport] = (peers[transport] ?? 0) + 1;
  }
  return {
    phase,
    name: torrent.name ?? watched.label,
    progress:
      phase === 'checking'
        ? (checked ?? 0)
        : wantedBytes === 0
          ? Number(torrent.done)
          : wantedVerifiedBytes / wantedBytes,
    wanted: wantedBytes,
    verified: wantedVerifiedBytes,
    downloadSpeed: torrent.downloadSpeed,
    uploadSpeed: torrent.uploadSpeed,
    received: torrent.received,
    uploaded: torrent.uploaded,
    peers,
    webSeeds: {
      known: webSeeds.filter(({ state }) => state !== 'failed').length,
      active: webSeeds.filter(({ state }) => state === 'active').length,
    },
    remaining: torrent.timeRemaining / 1000,
    files: torrent.files.flatMap((file, place) =>
      watched.isWanted(file, place)
        ? [{ number: place + 1, path: file.path, length: file.length, done: file.downloaded }]
        : [],
    ),
  };
}

function phaseOf({ torrent, checked }: Watched): Phase {
  if (torrent.destroyed) return 'stopped';
  if (torrent.files.length === 0) return 'metadata';
  if (!torrent.ready || checked !== undefined) return 'checking';
  return torrent.done ? 'seeding' : 'downloading';
}

export function peerCount(snapshot: TransferSnapshot): number {
  return Object.values(snapshot.peers).reduce((sum, number) => sum + number, 0);
}
