import {
  type AnnounceEvent,
  equalBytes,
  fromBinaryString,
  type InfoHash,
  type PeerId,
} from 'freshet/protocol';
import type { TrackerCore } from './core.ts';
import { binaryKey } from './keys.ts';
import { DEFAULT_NUMWANT } from './options.ts';
import type { SwarmCounts, SwarmMember } from './swarm-store.ts';

/** A peer that is reached by IP address and port. */
export interface AddressPeer extends SwarmMember {
  /** IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly peerId: PeerId;
}

/** An announce over HTTP or UDP, decoded. */
export interface AddressAnnounce {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** IP address that the request came from: never what the request says about itself. */
  readonly host: string;
  readonly port: number;
  /** Undefined for a regular announce. */
  readonly event?: AnnounceEvent | undefined;
  /** Bytes still missing; undefined when the client does not say. */
  readonly left?: number | undefined;
  /** How many peers are wanted; undefined for the tracker's default, 50. */
  readonly numwant?: number | undefined;
}

export interface AddressPeers extends SwarmCounts {
  readonly peers: readonly AddressPeer[];
  /** Seconds. */
  readonly interval: number;
}

export type AddressReply = AddressPeers | { readonly failure: string };
export type ScrapeReply = readonly ScrapeEntry[] | { readonly failure: string };
export type ScrapeEntry = readonly [InfoHash, SwarmCounts];

/** Swarms in the answer to a full scrape, which the operator has to allow. */
const FULL_SCRAPE_LIMIT = 10_000;

export function announceAddress(
  core: TrackerCore,
  request: AddressAnnounce,
): Promise<AddressReply> | AddressReply {
  core.counters.announces++;
  // Nobody can be reached at port 0, and replies with it make clients try.
  if (!(Number.isInteger(request.port) && request.port > 0 && request.port <= 0xffff)) {
    return fail(core, 'Invalid port: it must be between 1 and 65535');
  }
  if (request.event === 'stopped') return stop(core, request);
  const refusal = core.refusal(request.infoHash);
  if (refusal instanceof Promise) return refusal.then((reason) => admit(core, request, reason));
  return admit(core, request, refusal);
}

function stop(core: TrackerCore, request: AddressAnnounce): AddressReply {
  const infoHash = binaryKey(request.infoHash);
  core.addresses.remove(infoHash, keyOf(request));
  return { ...core.addresses.counts(infoHash), interval: core.interval, peers: [] };
}

function admit(core: TrackerCore, request: AddressAnnounce, refusal: string | undefined): AddressReply {
  if (refusal !== undefined) return fail(core, refusal);
  const { event, host, port, peerId } = request;
  const infoHash = binaryKey(request.infoHash);
  const key = keyOf(request);
  const store = core.addresses;
  const complete = completeness(event, request.left);
  const known = store.get(infoHash, key);
  // Another peer id at the same address is a client that was started again, and remembers nothing.
  const isSame = known !== undefined && equalBytes(known.peerId, peerId);
  if (known !== undefined && !isSame) store.remove(infoHash, key);
  if (isSame) {
    if (event === 'completed' && !store.isComplete(infoHash, key)) store.countDownload(infoHash);
    store.touch(infoHash, key, complete);
  } else {
    const result = store.add(infoHash, { key, host, port, peerId }, complete ?? false);
    if (result !== 'added') return fail(core, `The tracker cannot take more peers: ${result}`);
  }
  const numwant = Math.min(request.numwant ?? DEFAULT_NUMWANT, core.limits.maxNumwant);
  const peers = store.sample(infoHash, numwant, key, store.isComplete(infoHash, key));
  return { ...store.counts(infoHash), interval: core.interval, peers };
}

/** Does an announce make the peer a seed (true), a leech (false), or leave what it was (undefined)? */
export function completeness(
  event: AnnounceEvent | undefined,
  left: number | undefined,
): boolean | undefined {
  if (event === 'completed') return true;
  return left === undefined ? undefined : left === 0;
}

export function scrapeAddress(core: TrackerCore, infoHashes: readonly InfoHash[]): ScrapeReply {
  core.counters.scrapes++;
  const reply = scrapeStore(core, core.addresses, infoHashes);
  return typeof reply === 'string' ? fail(core, reply) : reply;
}

/** Counts of the named swarms of one population (of all if none is named), or the reason for a refusal. */
export function scrapeStore(
  core: TrackerCore,
  store: { counts(infoHash: string): SwarmCounts; infoHashes(): Iterable<string> },
  infoHashes: readonly InfoHash[],
): readonly ScrapeEntry[] | string {
  if (infoHashes.length > core.limits.maxScrape) {
    return `Too many info_hashes in one scrape: at most ${core.limits.maxScrape}`;
  }
  if (infoHashes.length > 0) {
    return infoHashes.map((infoHash) => [infoHash, store.counts(binaryKey(infoHash))]);
  }
  if (!core.fullScrape) return 'A scrape of all torrents is not allowed here: name the info_hash';
  const all: ScrapeEntry[] = [];
  for (const key of store.infoHashes()) {
    if (all.length >= FULL_SCRAPE_LIMIT) break;
    // Every key was made from 20 bytes.
    all.push([fromBinaryString(key) as Uint8Array as InfoHash, store.counts(key)]);
  }
  return all;
}

function keyOf(request: AddressAnnounce): string {
  return `${request.host}:${request.port}`;
}

function fail(core: TrackerCore, failure: string): { readonly failure: string } {
  core.counters.failures++;
  return { failure };
}
