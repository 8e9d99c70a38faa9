/** What a simulation found out, as plain values: for tests, tables and reports. Times are milliseconds of virtual time. */

/** What one viewer felt, and gave. */
export interface ViewerResult {
  readonly arrivedAt: number;
  readonly leftAt: number;
  /** From arrival to the first picture; `undefined` when it left before. */
  readonly startupMs: number | undefined;
  /** Times without a picture after the first one, those after a seek not counted. */
  readonly stalls: number;
  readonly stalledMs: number;
  /** Film that was shown. */
  readonly watchedMs: number;
  /** From each seek to the first picture after it. */
  readonly seekMs: readonly number[];
  /** When it had everything; `undefined` when it never had. */
  readonly completedAt: number | undefined;
  /** Payload received from other viewers, from the site's own seeder, and over HTTP. */
  readonly fromPeers: number;
  readonly fromSeeder: number;
  readonly fromHttp: number;
  readonly uploaded: number;
  /** Received twice, and thrown away for a wrong hash or otherwise. */
  readonly wasted: number;
}

/** The swarm at one moment. */
export interface SwarmSample {
  readonly at: number;
  readonly viewers: number;
  readonly playing: number;
  readonly stalled: number;
  /** Payload since the sample before, by where it came from. */
  readonly fromPeers: number;
  readonly fromSeeder: number;
  readonly fromHttp: number;
  /** Bytes that the viewers' lines could have sent since the sample before. */
  readonly uploadCapacity: number;
  /** Copies of each part of the film among the viewers, in at most 100 parts of equal length. */
  readonly availability: readonly number[];
}

export interface SimulationResult {
  readonly scenario: string;
  readonly seed: number;
  readonly peers: number;
  /** `detailed`: real engines, block by block; `coarse`: the model. */
  readonly mode: 'detailed' | 'coarse';
  readonly policy: string;
  /** Virtual time from begin to end. */
  readonly durationMs: number;
  readonly viewers: readonly ViewerResult[];
  readonly timeline: readonly SwarmSample[];
  /** Messages that the tracker received and sent. */
  readonly tracker: { readonly received: number; readonly sent: number };
  readonly http: { readonly requests: number; readonly bytes: number };
  /** Of all bytes that viewers received, those that could at best have come from viewers (0..1). */
  readonly offloadBound: number;
  readonly events: number;
  /** Fingerprint of the run: the same for the same scenario, peers and seed. */
  readonly digest: string;
}
