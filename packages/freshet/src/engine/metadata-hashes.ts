/** An info dictionary and the hashes that name it: SHA-1 for version 1, SHA-256 for version 2, both for a hybrid. */

import {
  equalBytes,
  type Info,
  infoHashFromBytes,
  infoHashV2FromBytes,
  type TorrentHashes,
} from '../protocol/index.ts';
import type { Hasher } from './ports.ts';

export function sha256(data: Uint8Array, hasher: Hasher): Promise<Uint8Array> {
  return new Promise((resolve) => hasher.sha256(data, resolve));
}

/** Whether these are the bytes that the hashes are of: all of them, where several are known. */
export async function matchesHashes(
  infoBytes: Uint8Array,
  hashes: TorrentHashes,
  hasher: Hasher,
): Promise<boolean> {
  const { v1, v2 } = hashes;
  if (v1 !== undefined && !equalBytes(await hasher.sha1(infoBytes), v1)) return false;
  return v2 === undefined || equalBytes(await sha256(infoBytes, hasher), v2);
}

/** The hashes by which the torrent goes: one for each version that is in it. Those that are known are taken for right. */
export async function hashesOfInfo(
  info: Pick<Info, 'hasV1' | 'hasV2' | 'bytes'>,
  hasher: Hasher,
  known: TorrentHashes = {},
): Promise<TorrentHashes> {
  const v1 = info.hasV1 ? (known.v1 ?? infoHashFromBytes(await hasher.sha1(info.bytes))) : undefined;
  const v2 = info.hasV2 ? (known.v2 ?? infoHashV2FromBytes(await sha256(info.bytes, hasher))) : undefined;
  return { v1, v2 };
}

/** Whether `hashes` are all that the torrent goes by, no more and no less. */
export function isComplete(info: Pick<Info, 'hasV1' | 'hasV2'>, hashes: TorrentHashes): boolean {
  return info.hasV1 === (hashes.v1 !== undefined) && info.hasV2 === (hashes.v2 !== undefined);
}
