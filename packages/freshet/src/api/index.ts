/** Top floor: `Client`, `Torrent` and `File` as programs know them. */

export * from '../session/errors.ts';
export type {
  FileSnapshot,
  KeptTorrent,
  MetadataSnapshot,
  PeerSnapshot,
  PieceMapSnapshot,
  Session,
  SessionEvent,
  SessionSettings,
  StatsSnapshot,
  TrackerSnapshot,
  WebSeedSnapshot,
} from '../session/protocol.ts';
export type { ClientEvents } from './client.ts';
export { ClientStorage, type StorageEstimate } from './client-storage.ts';
export { Emitter } from './emitter.ts';
export { type Delivery, File, type FileEvents, type FileRequest } from './file.ts';
export * from './options.ts';
export type { ByteIterator, ClientPlatform, FileServer, StreamRequest } from './platform.ts';
export type { Piece } from './progress.ts';
export { type FileReadStream, type PipeTarget, WebReadStream } from './read-stream.ts';
export { Torrent } from './torrent.ts';
export type { TorrentEvents } from './torrent-events.ts';
export { Wire, type WireEvents, type WireType } from './wire.ts';
