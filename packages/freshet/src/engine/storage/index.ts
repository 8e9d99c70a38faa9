/** A torrent's bytes on a medium: files behind a linear address space, what is checked, what is remembered. */

export * from './check.ts';
export * from './file-store.ts';
export * from './hash-pieces.ts';
export { type MappedDiskOptions, openMappedDisk, partsPathOf } from './mapped-disk.ts';
export { MovableDisk, openMovableDisk } from './movable-disk.ts';
export { decodeResume, encodeResume, type ResumeData } from './resume.ts';
