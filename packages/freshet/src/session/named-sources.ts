/** Commands about peers, trackers and web seeds that a program names. */

import { parseAddress } from '../protocol/index.ts';
import { ArgumentError } from './errors.ts';
import { realFiles } from './file-selection.ts';
import { findPeers } from './find-peers.ts';
import type { SessionSettings } from './protocol.ts';
import type { SessionTorrent } from './session-torrent.ts';

/** Resolves with whether it was new and not refused. @throws {ArgumentError} on what is no `host:port` */
export function addPeer(torrent: SessionTorrent, text: string): Promise<boolean> {
  const address = parseAddress(text);
  if (address === undefined) throw new ArgumentError(`"${text}" is not an address of the form host:port.`);
  return new Promise((resolve) => torrent.run((engine) => resolve(engine.addPeer(address))));
}

/** By the peer's number, its address, or its peer id. Returns whether there was one. */
export function removePeer({ engineTorrent: engine }: SessionTorrent, peer: number | string): boolean {
  if (engine === undefined) return false;
  if (typeof peer === 'number') return engine.removePeer(peer);
  const found = findPeers(engine.peers(), peer);
  return found.map((status) => engine.removePeer(status.id)).some(Boolean);
}

/** @throws {ArgumentError} on what is no address of a web server */
export function addWebSeed(torrent: SessionTorrent, settings: SessionSettings, url: string): void {
  if (!/^https?:\/\//i.test(url)) throw new ArgumentError(`"${url}" is not an http address.`);
  if (settings.webSeeds !== false) torrent.run((engine) => engine.addWebSeed(url));
}

/** Addresses of one file at web seeds. `index` counts the files that people see. */
export function fileAddresses({ engineTorrent: engine }: SessionTorrent, index: number): readonly string[] {
  const file = engine?.info && realFiles(engine.info)[index];
  return file === undefined ? [] : engine!.fileAddresses(file);
}

export function addTracker(torrent: SessionTorrent, settings: SessionSettings, url: string): void {
  if (settings.trackers !== false) torrent.run((engine) => engine.addTracker(url));
}
