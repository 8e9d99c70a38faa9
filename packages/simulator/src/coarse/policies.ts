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
  /** How often a second something is brought in that no peer has. */
  prefetchPerSecond(peers: number): number;
}

const never = (): boolean => false;
const always = (): boolean => true;

/** As the engine has it: see docs/architecture.md, "Whose bytes cost money". */
const freshet: CoarsePolicy = {
  peers: true,
  order: 'deadlines',
  fill: 'rarest',
  httpFill: false,
  prefersHttp: never,
  http: ({ slackMs, peers, expectsPeers, someoneHas }) => {
    if (peers === 0) return expectsPeers ? slackMs < 1500 : true;
    return slackMs < 4000 || (slackMs < 12_000 && !someoneHas);
  },
  prefetchPerSecond: (peers) => 4 / (peers + 1),
};

/** One piece after the other, from peers and the origin alike. */
const sequential: CoarsePolicy = {
  peers: true,
  order: 'sequential',
  fill: 'none',
  httpFill: false,
  prefersHttp: never,
  http: always,
  prefetchPerSecond: () => 0,
};

/** The rarest piece first, from peers and the origin alike, as a download. */
const rarest: CoarsePolicy = {
  peers: true,
  order: 'none',
  fill: 'rarest',
  httpFill: true,
  prefersHttp: never,
  http: never,
  prefetchPerSecond: () => 0,
};

/**
 * HTTP for what is due within 15 seconds, peers for what comes later, and now and then a later part over HTTP by chance:
 * what p2p-media-loader does.
 */
const window: CoarsePolicy = {
  peers: true,
  order: 'deadlines',
  fill: 'none',
  httpFill: false,
  prefersHttp: ({ slackMs }) => slackMs < 15_000,
  http: ({ slackMs }) => slackMs < 15_000,
  prefetchPerSecond: (peers) => 2 / (peers + 1),
};

/** No peers. */
const http: CoarsePolicy = {
  peers: false,
  order: 'sequential',
  fill: 'none',
  httpFill: false,
  prefersHttp: always,
  http: always,
  prefetchPerSecond: () => 0,
};

export const coarsePolicies: Readonly<Record<Policy, CoarsePolicy>> = {
  freshet,
  sequential,
  rarest,
  window,
  http,
};
