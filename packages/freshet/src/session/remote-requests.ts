/** What a request is about, for a client whose hosts come and go. */

import type { CommandName, TorrentKey } from './protocol.ts';
import type { Begin, Command } from './torrent-journal.ts';

/** What asks for nothing but the end of a torrent that a host has, and so for nothing where there is none. */
export function isOver({ command, args }: Command): boolean {
  return command === 'remove' && !args.destroyStore;
}

const NEED_STORAGE: ReadonlySet<CommandName> = new Set<CommandName>([
  'recheck',
  'remove',
  'peers',
  'trackers',
  'webSeeds',
  'pieces',
  'removePeer',
]);

export function needsStorage(command: Command): boolean {
  return NEED_STORAGE.has(command.command) && !isOver(command);
}

export function torrentOf({ args }: Command): TorrentKey | undefined {
  return 'torrent' in args ? args.torrent : undefined;
}

export function isBegin(command: Command): command is Begin {
  return command.command === 'add' || command.command === 'seed';
}
