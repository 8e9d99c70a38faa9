import type { Agenda } from './agenda.ts';
import { DownLine, UpLine } from './lines.ts';
import type { LineOptions } from './network.ts';
import type { TrainYard } from './train.ts';

/** Something between two hosts that ends with one of them. */
export interface Connection {
  readonly from: SimHost;
  readonly to: SimHost;
  /** Both ends are told. */
  breakOff(error: Error): void;
  /** What is on its way is lost, now and later, and nobody is told. */
  lose(): void;
}

const DEFAULT_LATENCY_MS = 10;
const MIN_QUEUE = 64 * 1024;
const QUEUE_SECONDS = 0.2;

/** One host as the network sees it. */
export class SimHost {
  readonly address: string;
  /** In order of appearance, for the trace. */
  readonly number: number;
  readonly up: UpLine;
  readonly down: DownLine;
  readonly connections: Set<Connection> = new Set();
  line: LineOptions = {};
  isOnline = true;
  latencyMs: number = DEFAULT_LATENCY_MS;
  jitterMs = 0;
  loss = 0;
  /** Bytes that its line has carried. */
  sent = 0;
  received = 0;

  constructor(address: string, number: number, agenda: Agenda, yard: TrainYard) {
    this.address = address;
    this.number = number;
    this.up = new UpLine(agenda);
    this.down = new DownLine(agenda, yard);
    this.setLine({});
  }

  setLine(line: LineOptions): void {
    this.line = line;
    this.latencyMs = line.latencyMs ?? DEFAULT_LATENCY_MS;
    this.jitterMs = line.jitterMs ?? 0;
    this.loss = line.loss ?? 0;
    this.up.msPerByte = 1000 / (line.up ?? Number.POSITIVE_INFINITY);
    this.down.msPerByte = 1000 / (line.down ?? Number.POSITIVE_INFINITY);
    const { down = Number.POSITIVE_INFINITY } = line;
    this.down.queueBytes = line.queueBytes ?? Math.max(MIN_QUEUE, down * QUEUE_SECONDS);
  }

  /** Milliseconds to another host and back, lines that are full not counted. */
  roundTrip(other: SimHost): number {
    return 2 * (this.latencyMs + other.latencyMs);
  }
}

/** Adds it to both of its hosts. */
export function enlist(connection: Connection): void {
  connection.from.connections.add(connection);
  connection.to.connections.add(connection);
}

export function forget(connection: Connection): void {
  connection.from.connections.delete(connection);
  connection.to.connections.delete(connection);
}
