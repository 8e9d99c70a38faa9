/** Sizes of one population of peers. */
export interface PopulationStats {
  readonly swarms: number;
  /** Memberships: a peer in three swarms counts three times. */
  readonly peers: number;
  readonly seeds: number;
  readonly leeches: number;
}

/** The tracker in numbers. Reading them costs the same however many peers there are. */
export interface TrackerStats {
  /** Swarms with a WebRTC peer plus swarms with an address peer; a hybrid swarm counts in both. */
  readonly swarms: number;
  readonly peers: number;
  readonly seeds: number;
  readonly webrtc: PopulationStats;
  readonly address: PopulationStats;
  /** Open WebSocket connections. */
  readonly connections: number;
  /** Seconds since the tracker was created. */
  readonly uptime: number;
  /** Since the tracker was created. */
  readonly totals: Readonly<Counters>;
}

/** Things counted since the start. */
export interface Counters {
  messagesIn: number;
  messagesOut: number;
  announces: number;
  scrapes: number;
  /** Offers relayed to a peer. */
  offers: number;
  /** Answers relayed back. */
  answers: number;
  /** Requests answered with a failure reason. */
  failures: number;
  connections: number;
  httpRequests: number;
}

export function newCounters(): Counters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    announces: 0,
    scrapes: 0,
    offers: 0,
    answers: 0,
    failures: 0,
    connections: 0,
    httpRequests: 0,
  };
}
