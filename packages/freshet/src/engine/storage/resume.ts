/** What is stored about a torrent so that a restart need not hash it again, nor ask peers for its metadata. */

import {
  type BencodeDict,
  type BencodeValue,
  Bitfield,
  dictBytes,
  dictList,
  dictNumber,
  type Encodable,
  encode,
  fromHex,
  ID_LENGTH,
  toHex,
  utf8DecodeStrict,
} from '../../protocol/index.ts';
import type { FileFingerprint } from '../ports.ts';
import { decodeStoredRecord } from './stored-record.ts';

export interface ResumeData {
  /** v1 info-hash, 20 bytes. */
  readonly infoHash: Uint8Array;
  /** The info dictionary, once it is known. */
  readonly infoBytes?: Uint8Array | undefined;
  /** Pieces that were verified when the fingerprints were taken; absent without metadata. */
  readonly verified?: Bitfield | undefined;
  /** Pieces that may have been written while this was put together: whatever the files look like, they are hashed. */
  readonly doubtful?: readonly number[] | undefined;
  /** Unfinished pieces, with the blocks of theirs that are stored: the high bit of the first byte is block 0. */
  readonly partial?: ReadonlyMap<number, Uint8Array> | undefined;
  /** Hashes of the pieces of files, by the file's root in hexadecimal (BEP 52), as peers have sent them. */
  readonly pieceLayers?: ReadonlyMap<string, Uint8Array> | undefined;
  /** One for each file, in the torrent's order; absent without metadata. */
  readonly fingerprints?: readonly FileFingerprint[] | undefined;
  /** One for each file, 0 (not wanted) to 255; absent when nobody chose. */
  readonly filePriorities?: readonly number[] | undefined;
  /** Payload bytes over all sessions. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Tracker URLs in tiers (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
}

const VERSION = 1;
const FORMAT = 'freshet resume';
/** Two 64-bit floats: size and time, which may have a fraction. */
const FINGERPRINT_LENGTH = 16;

export function encodeResume(resume: ResumeData): Uint8Array<ArrayBuffer> {
  const { verified, fingerprints, filePriorities } = resume;
  const dict: { [key: string]: Encodable | undefined } = {
    format: FORMAT,
    version: VERSION,
    'info-hash': resume.infoHash,
    info: resume.infoBytes,
    pieces: verified?.length,
    verified: verified?.toBytes(),
    doubtful: resume.doubtful?.length ? [...resume.doubtful] : undefined,
    partial: resume.partial?.size ? [...resume.partial].map(([piece, blocks]) => [piece, blocks]) : undefined,
    layers: resume.pieceLayers?.size
      ? [...resume.pieceLayers].map(([root, layer]) => [fromHex(root) ?? new Uint8Array(), layer])
      : undefined,
    fingerprints: fingerprints === undefined ? undefined : encodeFingerprints(fingerprints),
    priorities: filePriorities === undefined ? undefined : Uint8Array.from(filePriorities),
    uploaded: whole(resume.uploaded),
    downloaded: whole(resume.downloaded),
    trackers: resume.trackers.map((tier) => [...tier]),
  };
  return encode(dict);
}

/** `undefined` for anything that is not whole: then the files are hashed, which is always right. */
export function decodeResume(bytes: Uint8Array): ResumeData | undefined {
  const dict = decodeStoredRecord(bytes, FORMAT, VERSION);
  return dict && readResume(dict);
}

function readResume(dict: BencodeDict): ResumeData | undefined {
  const infoHash = dictBytes(dict, 'info-hash');
  const uploaded = dictNumber(dict, 'uploaded');
  const downloaded = dictNumber(dict, 'downloaded');
  const trackers = readTrackers(dictList(dict, 'trackers'));
  if (infoHash?.length !== ID_LENGTH) return undefined;
  if (uploaded === undefined || downloaded === undefined || trackers === undefined) return undefined;
  if (uploaded < 0 || downloaded < 0) return undefined;

  const verified = readVerified(dict);
  const fingerprints = readFingerprints(dict);
  if (verified === 'bad' || fingerprints === 'bad') return undefined;
  const priorities = dictBytes(dict, 'priorities');
  if (priorities !== undefined && fingerprints !== undefined && priorities.length !== fingerprints.length) {
    return undefined;
  }
  return {
    // Copies: views would keep all of `bytes` in memory.
    infoHash: infoHash.slice(),
    infoBytes: dictBytes(dict, 'info')?.slice(),
    verified,
    doubtful: verified && readDoubtful(dict, verified.length),
    partial: verified && readPartial(dict, verified.length),
    pieceLayers: readLayers(dict),
    fingerprints,
    filePriorities: priorities === undefined ? undefined : [...priorities],
    uploaded,
    downloaded,
    trackers,
  };
}

function readVerified(dict: BencodeDict): Bitfield | 'bad' | undefined {
  const pieces = dictNumber(dict, 'pieces');
  const bits = dictBytes(dict, 'verified');
  if (pieces === undefined && bits === undefined) return undefined;
  // The length first: a made-up count must not claim memory.
  if (pieces === undefined || bits === undefined || bits.length !== Math.ceil(pieces / 8)) return 'bad';
  return Bitfield.fromBytes(bits, pieces) ?? 'bad';
}

/** Wrong ones are found out by their root, as those that peers send. */
function readLayers(dict: BencodeDict): Map<string, Uint8Array> | undefined {
  const list = dictList(dict, 'layers');
  if (list === undefined) return undefined;
  const layers = new Map<string, Uint8Array>();
  for (const entry of list) {
    if (!Array.isArray(entry)) continue;
    const [root, layer] = entry;
    if (root instanceof Uint8Array && layer instanceof Uint8Array) layers.set(toHex(root), layer.slice());
  }
  return layers;
}

/** What is damaged here costs blocks, not the rest: they are unverified anyway. */
function readPartial(dict: BencodeDict, pieceCount: number): Map<number, Uint8Array> | undefined {
  const list = dictList(dict, 'partial');
  if (list === undefined) return undefined;
  const partial = new Map<number, Uint8Array>();
  for (const entry of list) {
    if (!Array.isArray(entry)) continue;
    const [piece, blocks] = entry;
    if (typeof piece !== 'number' || piece < 0 || piece >= pieceCount) continue;
    if (blocks instanceof Uint8Array) partial.set(piece, blocks.slice());
  }
  return partial;
}

function readDoubtful(dict: BencodeDict, pieceCount: number): number[] | undefined {
  return dictList(dict, 'doubtful')?.filter(
    (piece): piece is number => typeof piece === 'number' && piece >= 0 && piece < pieceCount,
  );
}

function encodeFingerprints(fingerprints: readonly FileFingerprint[]): Uint8Array {
  const bytes = new Uint8Array(FINGERPRINT_LENGTH * fingerprints.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < fingerprints.length; i++) {
    view.setFloat64(FINGERPRINT_LENGTH * i, fingerprints[i]!.size);
    view.setFloat64(FINGERPRINT_LENGTH * i + 8, fingerprints[i]!.modified);
  }
  return bytes;
}

function readFingerprints(dict: BencodeDict): FileFingerprint[] | 'bad' | undefined {
  const bytes = dictBytes(dict, 'fingerprints');
  if (bytes === undefined) return undefined;
  if (bytes.length % FINGERPRINT_LENGTH !== 0) return 'bad';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fingerprints: FileFingerprint[] = [];
  for (let at = 0; at < bytes.length; at += FINGERPRINT_LENGTH) {
    fingerprints.push({ size: view.getFloat64(at), modified: view.getFloat64(at + 8) });
  }
  return fingerprints;
}

function readTrackers(list: BencodeValue[] | undefined): string[][] | undefined {
  if (list === undefined) return undefined;
  const tiers: string[][] = [];
  for (const tier of list) {
    if (!Array.isArray(tier)) return undefined;
    const urls: string[] = [];
    for (const url of tier) {
      const text = url instanceof Uint8Array ? utf8DecodeStrict(url) : undefined;
      if (text === undefined) return undefined;
      urls.push(text);
    }
    tiers.push(urls);
  }
  return tiers;
}

function whole(bytes: number): number {
  return Math.max(0, Math.floor(bytes));
}
