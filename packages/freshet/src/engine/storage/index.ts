/** From a torrent's linear address space to files, and what is remembered of them. */

export * from './check.ts';
export * from './file-store.ts';
export * from './hash-pieces.ts';
export { type LayoutFile, locateFile } from './layout.ts';
export * from './mapped-disk.ts';
export * from './resume.ts';
