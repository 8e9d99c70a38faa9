/**
 * What crosses a port between a `RemoteSession` and a `SessionHost`. Several messages travel as one array, in order: what
 * is said in one turn arrives in one turn.
 */

import type { ErrorValue } from './errors.ts';
import type { CommandName, Commands, SessionEvent, TorrentKey } from './protocol.ts';

/** Both ends have to be of the same version: part of the name under which they find each other. */
export const SESSION_PROTOCOL_VERSION = 1;

/** One end of an ordered pipe that clones what it carries. */
export interface SessionPort {
  /** `transfer` are buffers in the message that the sender gives away, for pipes that can. */
  post(message: unknown, transfer?: readonly unknown[]): void;
  /** Set once by the owner; messages that came before are delivered then. */
  onMessage: ((message: unknown) => void) | undefined;
  close(): void;
}

/** From a client to the host. */
export type ClientMessage =
  | { readonly type: 'request'; readonly id: number; readonly command: CommandName; readonly args: object }
  /** A reader, by a number that the client chooses and never uses again on this port. */
  | {
      readonly type: 'open';
      readonly reader: number;
      readonly torrent: TorrentKey;
      readonly start: number;
      readonly end: number;
    }
  /** Asks for the next bytes. Several may be on their way: they are answered in order. */
  | { readonly type: 'read'; readonly reader: number; readonly max: number }
  | { readonly type: 'cancel'; readonly reader: number }
  /** The event with this number was told; whatever it led to was sent before. */
  | { readonly type: 'heard'; readonly hold: number }
  /** The client ends, with all of its torrents. */
  | { readonly type: 'close'; readonly id: number };

/** From the host to one client. */
export type HostMessage =
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: ErrorValue }
  /** With `hold`, what the event leads to waits until the client has said that it was `heard`. */
  | { readonly type: 'event'; readonly event: SessionEvent; readonly hold?: number | undefined }
  /** Without `bytes`: the end. */
  | { readonly type: 'bytes'; readonly reader: number; readonly bytes?: Uint8Array | undefined }
  | { readonly type: 'readFailed'; readonly reader: number; readonly error: ErrorValue }
  /** The host ends: nothing more comes, and what has not been answered is to be asked of another one. */
  | { readonly type: 'gone' };

/** All commands that a client may ask for, and whether each names a torrent. */
const COMMANDS: {
  readonly [C in CommandName]: Commands[C]['args'] extends { readonly torrent: TorrentKey } ? true : false;
} = {
  add: true,
  seed: true,
  remove: true,
  identify: false,
  selectPieces: true,
  deselectPieces: true,
  criticalPieces: true,
  selectFiles: true,
  pause: true,
  resume: true,
  addPeer: true,
  removePeer: true,
  addWebSeed: true,
  removeWebSeed: true,
  addTracker: true,
  setMetadata: true,
  recheck: true,
  renameFile: true,
  rename: true,
  move: true,
  setLimits: false,
  setTorrentLimits: true,
  setGoals: true,
  moveInQueue: true,
  forceStart: true,
  setQueue: false,
  peers: true,
  trackers: true,
  webSeeds: true,
  fileAddresses: true,
  pieces: true,
  kept: false,
  removeKept: false,
  networkChanged: false,
};

export function namesTorrent(command: CommandName): boolean {
  return COMMANDS[command];
}

/** The messages in what came from a client; `undefined` in the place of each that is none. */
export function readClientMessages(value: unknown): (ClientMessage | undefined)[] {
  return listOf(value).map((item) => (isClientMessage(item) ? item : undefined));
}

/** The messages in what came from a host; `undefined` in the place of each that is none. */
export function readHostMessages(value: unknown): (HostMessage | undefined)[] {
  return listOf(value).map((item) => (isHostMessage(item) ? item : undefined));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isClientMessage(value: unknown): value is ClientMessage {
  if (!isObject(value)) return false;
  switch (value['type']) {
    case 'request':
      return (
        isNumber(value['id']) &&
        typeof value['command'] === 'string' &&
        Object.hasOwn(COMMANDS, value['command']) &&
        isObject(value['args'])
      );
    case 'open':
      return ['reader', 'torrent', 'start', 'end'].every((name) => isNumber(value[name]));
    case 'read':
      return isNumber(value['reader']) && isNumber(value['max']) && value['max'] > 0;
    case 'cancel':
      return isNumber(value['reader']);
    case 'heard':
      return isNumber(value['hold']);
    case 'close':
      return isNumber(value['id']);
    default:
      return false;
  }
}

function isHostMessage(value: unknown): value is HostMessage {
  if (!isObject(value)) return false;
  switch (value['type']) {
    case 'answer':
      return isNumber(value['id']);
    case 'failure':
      return isNumber(value['id']) && isErrorValue(value['error']);
    case 'event':
      return isSessionEvent(value['event']) && (value['hold'] === undefined || isNumber(value['hold']));
    case 'bytes': {
      const { bytes } = value;
      return isNumber(value['reader']) && (bytes === undefined || bytes instanceof Uint8Array);
    }
    case 'readFailed':
      return isNumber(value['reader']) && isErrorValue(value['error']);
    case 'gone':
      return true;
    default:
      return false;
  }
}

function isErrorValue(value: unknown): value is ErrorValue {
  return isObject(value) && ['name', 'code', 'message'].every((name) => typeof value[name] === 'string');
}

/** As far as whoever keeps books of them relies on: the rest only shows. */
function isSessionEvent(value: unknown): value is SessionEvent {
  if (!isObject(value) || !isObject(value['event'])) return false;
  const event = value['event'];
  if (value['torrent'] === undefined) {
    return event['type'] === 'listening' ? isNumber(event['port']) : isErrorValue(event['error']);
  }
  if (!isNumber(value['torrent'])) return false;
  switch (event['type']) {
    case 'infoHash':
      return typeof event['infoHash'] === 'string' && isList(event['announce']) && isList(event['urlList']);
    case 'metadata':
      return isObject(event['metadata']) && isList(event['metadata']['files']);
    case 'torrentFile':
      return event['torrentFile'] instanceof Uint8Array;
    case 'ready':
      return event['verified'] instanceof Uint8Array && isObject(event['stats']);
    case 'progress':
      return isList(event['verified']) && isList(event['partial']) && isObject(event['stats']);
    case 'renamed':
      return isList(event['files']);
    case 'peer':
      return isObject(event['peer']);
    case 'peers':
      return isList(event['peers']);
    case 'warning':
    case 'error':
      return isErrorValue(event['error']);
    default:
      return typeof event['type'] === 'string';
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
