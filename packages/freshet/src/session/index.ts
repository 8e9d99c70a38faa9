/** Third floor: one engine as a typed protocol of commands, snapshots and events. */

export { DirectSession } from './direct.ts';
export * from './errors.ts';
export type * from './platform.ts';
export type * from './protocol.ts';
