/** A short description of who watches what, on which lines, and where it comes from. */

import type { TorrentVersion } from 'freshet/protocol';
import type { Arrivals } from './arrivals.ts';
import type { LineOptions } from './network/network.ts';

/**
 * How viewers get their film. `freshet`: the engine as it is. Of others, on the same engine: `sequential` and `rarest`
 * download in that order and play what is verified, without deadlines; `window` fetches what is due within 15 s over
 * HTTP and leaves the rest to peers, as p2p-media-loader does. `http`: a plain `<video src>`, without any engine.
 */
export type Policy = 'freshet' | 'sequential' | 'rarest' | 'window' | 'http';

export const policies: readonly Policy[] = ['freshet', 'sequential', 'rarest', 'window', 'http'];

/** Some of the viewers, with the same line. */
export interface LineClass {
  /** How many, relative to the other classes. */
  readonly weight: number;
  readonly line: LineOptions;
}

export interface Stay {
  /** Mean of the exponential time after which a viewer closes the tab, in minutes. Default: until the film is over. */
  readonly meanMinutes?: number | undefined;
  /** Minutes for which the tab stays open after the film, or the download. Default 0. */
  readonly lingerMinutes?: number | undefined;
  /** Part of the viewers who vanish without a word when they go: a crash, a tunnel, an empty battery. Default 0. */
  readonly vanish?: number | undefined;
}

export interface Scenario {
  readonly name: string;
  /** One line on what it is. */
  readonly about: string;
  /** Viewers, unless a run says how many. */
  readonly peers: number;
  readonly film: {
    readonly seconds: number;
    readonly bytesPerSecond: number;
    /** Bytes. Default 256 KiB. */
    readonly pieceLength?: number | undefined;
    /** Default 1. */
    readonly version?: TorrentVersion | undefined;
  };
  /** `watch` it in a player, or `download` the file. Default `watch`. */
  readonly purpose?: 'watch' | 'download' | undefined;
  readonly arrivals: Arrivals;
  readonly stay?: Stay | undefined;
  readonly lines: readonly LineClass[];
  readonly origin: {
    /** The line of the web server with the file. None when absent. */
    readonly webSeed?: LineOptions | undefined;
    /** The line of the site's own seeder, who is a peer. None when absent. */
    readonly seeder?: LineOptions | undefined;
  };
  /** Default `true`. Without one nobody finds anybody. */
  readonly tracker?: boolean | undefined;
  readonly policy?: Policy | undefined;
  /** Per viewer and minute of film. Default 0. */
  readonly seeksPerMinute?: number | undefined;
  /** Per viewer and minute of film; each pause takes half a minute on average. Default 0. */
  readonly pausesPerMinute?: number | undefined;
  /** Virtual minutes after which the run ends though viewers are left. Default: when all have gone, an hour at most. */
  readonly minutes?: number | undefined;
}

/** Bytes. */
export const DEFAULT_PIECE_LENGTH = 262_144;

/** The figures that Freshet is held to (docs/simulation.md). */
export const FILM: Scenario['film'] = { seconds: 600, bytesPerSecond: 500_000, pieceLength: 262_144 };

const mbit = (value: number): number => (value * 1_000_000) / 8;

/** 20/5 Mbit/s, 80 ms to each other and to the origin. */
export const CABLE: LineOptions = { down: mbit(20), up: mbit(5), latencyMs: 20, nat: 'cone' };
export const FIBRE: LineOptions = { down: mbit(250), up: mbit(50), latencyMs: 8, nat: 'cone' };
export const DSL: LineOptions = { down: mbit(16), up: mbit(1), latencyMs: 25, jitterMs: 5, nat: 'cone' };
export const MOBILE: LineOptions = {
  down: mbit(30),
  up: mbit(8),
  latencyMs: 35,
  jitterMs: 30,
  loss: 0.005,
  nat: 'symmetric',
  rtcFailure: 0.1,
};
export const ORIGIN: LineOptions = { up: mbit(50), down: mbit(50), latencyMs: 20 };
