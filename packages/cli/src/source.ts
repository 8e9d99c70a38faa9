/** What the user names a torrent by: a magnet link, an info-hash, the path or the address of a torrent file. */

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import {
  infoHashFromBytes,
  infoHashV2FromBytes,
  MAX_TORRENT_LENGTH,
  type Magnet,
  MagnetError,
  type Metainfo,
  MetainfoError,
  parseTorrent,
  parseTorrentId,
  primaryHash,
  type TorrentHashes,
  toHex,
} from 'freshet/protocol';
import { CliError, ExitCode, systemCode, usageError } from './exit.ts';
import { formatBytes } from './ui/format.ts';

/** Milliseconds for fetching a torrent file. */
const FETCH_LIMIT = 30_000;

/** How the torrent is called. */
interface Named {
  readonly hashes: TorrentHashes;
  /** 40 hexadecimal characters: of version 1 if it is known, else the first ones of version 2. */
  readonly infoHash: string;
}

export type TorrentInput = Named &
  (
    | { readonly kind: 'magnet'; readonly uri: string; readonly magnet: Magnet }
    /** `id` as the user gave it. */
    | { readonly kind: 'infoHash'; readonly id: string }
    | { readonly kind: 'metainfo'; readonly bytes: Uint8Array<ArrayBuffer>; readonly metainfo: Metainfo }
  );

/**
 * Reads or fetches what there is to know without asking peers.
 * @throws {CliError} with one sentence that names the source.
 */
export async function readInput(text: string, signal?: AbortSignal): Promise<TorrentInput> {
  const id = identify(text.replace(/^stream-magnet:/i, 'magnet:'));
  switch (id.kind) {
    case 'magnet':
      return { kind: 'magnet', uri: text, magnet: id.magnet, ...named(id.magnet.hashes) };
    case 'infoHash':
      return { kind: 'infoHash', id: text.trim(), ...named(id.hashes) };
    case 'url':
      return readMetainfo(await fetchTorrent(id.url, signal), id.url);
    case 'path':
      return readMetainfo(await readTorrentFile(id.path), id.path);
  }
}

function identify(text: string): ReturnType<typeof parseTorrentId> {
  try {
    return parseTorrentId(text);
  } catch (error) {
    if (error instanceof MagnetError) throw usageError(error.message, error);
    throw error;
  }
}

function readMetainfo(bytes: Uint8Array<ArrayBuffer>, name: string): TorrentInput {
  try {
    const metainfo = parseTorrent(bytes);
    return { kind: 'metainfo', bytes, metainfo, ...named(hashesOf(metainfo)) };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw usageError(`${name} cannot be used: ${lowerFirst(error.message)}`, error);
  }
}

function named(hashes: TorrentHashes): Named {
  return { hashes, infoHash: toHex(primaryHash(hashes)) };
}

/** The info-hashes of a torrent file: SHA-1 for version 1, SHA-256 for version 2. */
export function hashesOf({ info, infoBytes }: Metainfo): TorrentHashes {
  const digest = (algorithm: string): Uint8Array => createHash(algorithm).update(infoBytes).digest();
  return {
    v1: info.hasV1 ? infoHashFromBytes(digest('sha1')) : undefined,
    v2: info.hasV2 ? infoHashV2FromBytes(digest('sha256')) : undefined,
  };
}

async function readTorrentFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > MAX_TORRENT_LENGTH) {
        throw usageError(
          `${path} has ${formatBytes(size)}: that is no torrent file, but perhaps what it is about.`,
        );
      }
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CliError {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ERR_INVALID_ARG_VALUE':
      return usageError(
        `There is no file "${path}", and it is no magnet link, info-hash or http address either.`,
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return new CliError(ExitCode.failure, `${path} may not be read by this user; change its permissions.`, {
        cause: error,
      });
    case 'EISDIR':
      return usageError(`${path} is a folder; give the path of a torrent file.`, error);
    default:
      return new CliError(
        ExitCode.failure,
        `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
        { cause: error },
      );
  }
}

async function fetchTorrent(url: string, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const timeout = AbortSignal.timeout(FETCH_LIMIT);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([timeout, signal]) : timeout });
    if (!response.ok) {
      throw new CliError(
        ExitCode.failure,
        `${url} answered with status ${response.status}; check the address.`,
      );
    }
    return await readBody(response, url);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const why = timeout.aborted ? `it did not arrive within ${FETCH_LIMIT / 1000} seconds` : reasonOf(error);
    throw new CliError(ExitCode.failure, `${url} could not be fetched: ${why}.`, { cause: error });
  }
}

async function readBody(response: Response, url: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (response.body !== null) {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      length += part.length;
      if (length > MAX_TORRENT_LENGTH) throw usageError(`${url} is too long for a torrent file.`);
      parts.push(part);
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** `fetch` hides what went wrong in the cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (systemCode(inner) === 'ECONNREFUSED') return 'nothing accepts connections there';
  if (systemCode(inner) === 'ENOTFOUND') return 'the name is not known';
  return inner instanceof Error && inner.message !== '' ? inner.message : String(inner);
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
