/** Ground floor: bytes to values and back. Pure functions and small decoders; nothing here reaches the world. */

export * from './bencode.ts';
export * from './bitfield.ts';
export * from './bytes.ts';
export * from './compact.ts';
export * from './ids.ts';
export * from './ip.ts';
export * from './units.ts';
export * from './wire.ts';
