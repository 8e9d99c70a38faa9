/** `--json`: one object per line. The fields are documented in the commands' `--help`, and only ever added to. */

import type { TransferSnapshot } from './snapshot.ts';

export const JSON_HELP = `
With --json each line of standard output is an object with "event":
  listening   port: TCP port for peers
  added       infoHash, magnet
  metadata    name, length, pieceLength, pieceCount, private, path,
              files: [{number, path, length, selected}]
  ready       verified, wanted: bytes that were there already, and bytes wanted
  progress    every second: phase (metadata, checking, downloading, seeding), progress (0 to 1),
              verified, wanted, downloadSpeed, uploadSpeed (bytes per second), received, uploaded
              (bytes of this run), peers: {tcp, webrtc}, webSeeds, remaining (seconds or null)
  hashing     hashed, total: bytes
  file        number, path, length: a file is complete
  stream      files: [{number, path, url}]
  done        infoHash, verified, received, uploaded, seconds
  goal        goal (ratio or seedTime), uploaded: it has seeded enough; the last line without --stream
  warning     message: something failed, and it goes on
  stopped     the last line after Ctrl-C
  error       message, code, exitCode: the last line after a failure`;

/** What the other commands tell beside `progress`, `hashing`, `warning`, `stopped` and `error`. */
export const JSON_EVENTS: {
  readonly seed: string;
  readonly create: string;
  readonly check: string;
  readonly tracker: string;
  readonly serve: string;
} = {
  seed: jsonHelp('seeding', 'infoHash, magnet, name, length, files: [{number, path, length}]'),
  create: jsonHelp('created', 'file, infoHash, infoHashV2 (BEP 52), magnet, name, length'),
  check: `${jsonHelp('checked', 'verified, length, files: [{number, path, length, verified}]')}
  checking    every second: checked, total: pieces`,
  tracker: `${jsonHelp('listening', 'port, httpUrl, wsUrl')}
  stats       every second: swarms, peers, seeds, connections, uptime, webrtc, address, totals`,
  serve: `${jsonHelp('ready', 'url, port, torrents: [{infoHash, name, length}]')}
  stats       every second: what /api/stats.json says`,
};

function jsonHelp(event: string, fields: string): string {
  return `
With --json each line of standard output is an object with "event"; beside those of freshet download:
  ${event.padEnd(11)} ${fields}`;
}

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Something that happened, as it is told to programs. */
export interface CliEvent {
  readonly event: string;
  readonly [key: string]: JsonValue | undefined;
}

export function jsonLine(event: CliEvent): string {
  return JSON.stringify(event);
}

export function progressEvent(snapshot: TransferSnapshot): CliEvent {
  const { phase, progress, verified, wanted, downloadSpeed, uploadSpeed, received, uploaded } = snapshot;
  return {
    event: 'progress',
    phase,
    progress: Math.floor(progress * 10_000) / 10_000,
    verified,
    wanted,
    downloadSpeed: Math.round(downloadSpeed),
    uploadSpeed: Math.round(uploadSpeed),
    received,
    uploaded,
    peers: { tcp: 0, webrtc: 0, ...snapshot.peers },
    webSeeds: snapshot.webSeeds.known,
    remaining: Number.isFinite(snapshot.remaining) ? Math.ceil(snapshot.remaining) : null,
  };
}
