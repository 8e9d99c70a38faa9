/** Ground floor: bytes to values and back. Pure functions and small decoders; nothing here reaches the world. */

export * from './bencode.ts';
export * from './bitfield.ts';
export * from './bytes.ts';
export * from './compact.ts';
export * from './extension.ts';
export * from './file-answer.ts';
export * from './http-range.ts';
export * from './ids.ts';
export * from './ip.ts';
export * from './lazy-collections.ts';
export * from './magnet.ts';
export * from './merkle.ts';
export * from './merkle-proof.ts';
export * from './metadata-message.ts';
export * from './metainfo.ts';
export * from './metainfo-build.ts';
export * from './mime.ts';
export * from './safe-path.ts';
export * from './tracker-http.ts';
export * from './tracker-http-server.ts';
export * from './tracker-ws.ts';
export * from './units.ts';
export * from './wire.ts';
