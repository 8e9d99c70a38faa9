import type { Policy } from '../scenario.ts';

/** What a viewer fetches in which order, and what it pays the origin for: a few lines for each way of doing it. */

/** A missing piece near the play position. */
export interface Demand {
  /** Until it is played, if the film runs. */
  readonly slackMs: number;
  readonly peers: number;
  /** The first peers are on their way. */
  readonly expectsPeers: boolean;
  /** Whether any peer has it, free to send it or not. */
  readonly someoneHas: boolean;
}

export interface CoarsePolicy {
  /** Whether there are peers at all. */
  readonly peers: boolean;
  /** Near the play position: by deadline, one after the other, or not at all. */
  readonly order: 'deadlines' | 'sequential' | 'none';
  /** What no deadline needs. */
  readonly fill: 'rarest' | 'none';
  /** Whether the fill may come from the origin too. */
  readonly httpFill: boolean;
  /** Whether the origin is asked even though a peer could send it. */
  prefersHttp(demand: Demand): boolean;
  /** Whether the origin is asked for what no free peer can send. */
  http(demand: Demand): boolean;
  /** Requests to the origin at a time. */
  readonly httpAtOnce: number;
  /** Bytes ahead of the play position that are fetched in their order. */
  readonly readAhead: number;
  /** How often each part of the film is fetched ahead by all viewers together, while no peer has it. */
  readonly sharedCopies: number;
  /** Who has only others like itself holds back with what is due later than in a quarter of a minute. */
  readonly restrained: boolean;
}

const MIB = 1024 * 1024;
const never = (): boolean => false;
const always = (): boolean => true;

/** As the engine has it: see docs/architecture.md, "Whose bytes cost money". */
const freshet: CoarsePolicy = {
  httpAtOnce: 2,
  readAhead: 32 * MIB,
  peers: true,
  order: 'deadlines',
  fill: 'rarest',
  httpFill: false,
  prefersHttp: never,
  http: ({ slackMs, peers, expectsPeers, someoneHas }) => {
    if (peers === 0) return expectsPeers ? slackMs < 1500 : true;
    return slackMs < 4000 || (slackMs < 5000 && !someoneHas);
  },
  sharedCopies: 2,
  restrained: true,
};

/** One piece after the other, from peers and the origin alike. */
const sequential: CoarsePolicy = {
  httpAtOnce: 1,
  readAhead: Number.POSITIVE_INFINITY,
  peers: true,
  order: 'sequential',
  fill: 'none',
  httpFill: false,
  prefersHttp: never,
  http: always,
  sharedCopies: 0,
  restrained: false,
};

/** The rarest piece first, from peers and the origin alike, as a download. */
const rarest: CoarsePolicy = {
  httpAtOnce: 4,
  readAhead: 0,
  peers: true,
  order: 'none',
  fill: 'rarest',
  httpFill: true,
  prefersHttp: never,
  http: never,
  sharedCopies: 0,
  restrained: false,
};

/**
 * HTTP for what is due within 15 seconds, peers for what comes later, and now and then a later part over HTTP by chance:
 * what p2p-media-loader does.
 */
const window: CoarsePolicy = {
  httpAtOnce: 2,
  readAhead: 32 * MIB,
  peers: true,
  order: 'deadlines',
  fill: 'none',
  httpFill: false,
  prefersHttp: ({ slackMs }) => slackMs < 15_000,
  http: ({ slackMs }) => slackMs < 15_000,
  sharedCopies: 2,
  restrained: false,
};

/** No peers. */
const http: CoarsePolicy = {
  httpAtOnce: 1,
  readAhead: 6 * MIB,
  peers: false,
  order: 'sequential',
  fill: 'none',
  httpFill: false,
  prefersHttp: always,
  http: always,
  sharedCopies: 0,
  restrained: false,
};

export const coarsePolicies: Readonly<Record<Policy, CoarsePolicy>> = {
  freshet,
  sequential,
  rarest,
  window,
  http,
};
