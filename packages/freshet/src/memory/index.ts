/** In-memory twins of the engine's ports: for tests, simulation, and platforms that lack the real thing. */

export * from './bandwidth.ts';
export * from './clock.ts';
export * from './disk.ts';
export * from './faults.ts';
export * from './file-store.ts';
export * from './hasher.ts';
export * from './http.ts';
export {
  type MemoryLink,
  type MemoryLinkEnd,
  type MemoryLinkOptions,
  type MemoryLinkPair,
  memoryLinkPair,
} from './link.ts';
export * from './network.ts';
export * from './random.ts';
export * from './sample-film.ts';
export * from './sample-torrent.ts';
export { Sha1 } from './sha1.ts';
export * from './sockets.ts';
export { type Space, SparseBytes } from './sparse-bytes.ts';
export * from './state.ts';
