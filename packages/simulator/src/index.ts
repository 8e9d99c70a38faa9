/** A swarm in a box: real engines on simulated networks, disks and clocks, in virtual time. */

export * from './arrivals.ts';
export * from './content/phantom.ts';
export * from './content.ts';
export * from './faults/calls.ts';
export * from './faults/disk-faults.ts';
export * from './faults/faulty-ports.ts';
export * from './faults/sim-disk.ts';
export * from './film.ts';
export * from './host.ts';
export * from './log.ts';
export * from './loop.ts';
export * from './metrics/result.ts';
export * from './metrics/summary.ts';
export * from './network/network.ts';
export * from './playback.ts';
export * from './replay.ts';
export * from './scenario.ts';
export * from './scenarios/index.ts';
export * from './servers/tracker-garbage.ts';
export * from './servers/tracker-host.ts';
export * from './servers/web-seed-host.ts';
export * from './simulate.ts';
export * from './trace.ts';
export * from './trap.ts';
export * from './world.ts';
