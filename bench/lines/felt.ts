/** What one viewer felt, gave and did, simulated or real. Times are milliseconds from its arrival. */
export interface Felt {
  readonly startupMs: number | undefined;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly watchedMs: number;
  /** Bytes of payload. */
  readonly fromPeers: number;
  readonly fromHttp: number;
  readonly uploaded: number;
  /** Its first piece was verified; `undefined` of plain HTTP. */
  readonly pieceMs: number | undefined;
  /** It was connected to somebody; `undefined` of who never was. */
  readonly peerMs: number | undefined;
  /** Connections that were established. */
  readonly peers: number;
  /** Milliseconds of processor time, of real ones. */
  readonly cpuMs?: number | undefined;
  /** Second by second: pairs of bytes from peers and from web servers so far. */
  readonly course: readonly (readonly [number, number])[];
}

/** A swarm that has come and gone. */
export interface Watched {
  readonly viewers: readonly Felt[];
  /** Messages; none of plain HTTP. */
  readonly tracker: { readonly received: number; readonly sent: number };
  readonly requests: number;
  /** Of real ones: what the viewers' lines have sent, headers and all, and the packets that found a queue full. */
  readonly sent?: number | undefined;
  readonly dropped?: number | undefined;
}

/** Milliseconds between two entries of `course`. */
export const COURSE_MS = 1000;
