import { TrackerCore } from '../src/core.ts';
import type { TrackerCoreOptions } from '../src/options.ts';
import type { TrackerConnection, WebSocketSession } from '../src/websocket-session.ts';

/** Binary strings of 20 characters, with bytes that JSON and UTF-8 treat specially. */
export const HASH: string = `${'\u00ff\u0000"\\'.padEnd(19, 'h')}1`;
export const OTHER_HASH: string = `${'\u0080\u001f'.padEnd(19, 'h')}2`;

export function id(name: string): string {
  return `-FR0100-${name}`.padEnd(20, '.');
}

export function offerId(number: number): string {
  return `offer\u00e9${number}`.padEnd(20, '_');
}

export function offers(
  count: number,
  first = 0,
): { offer: { type: string; sdp: string }; offer_id: string }[] {
  return Array.from({ length: count }, (_, i) => ({
    offer: { type: 'offer', sdp: `sdp ${first + i}` },
    offer_id: offerId(first + i),
  }));
}

export type Json = Record<string, unknown>;

/** A connection whose other end is the test. */
export class FakeConnection implements TrackerConnection {
  readonly address: string;
  readonly session: WebSocketSession;
  received: Json[] = [];
  pings = 0;
  isPaused = false;
  closedWith: number | undefined;

  constructor(core: TrackerCore, address: string) {
    this.address = address;
    this.session = core.open(this);
  }

  send(text: string): void {
    this.received.push(JSON.parse(text) as Json);
  }

  ping(): void {
    this.pings++;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** Says something and returns what came back on this connection. */
  say(message: unknown): Json[] {
    this.received = [];
    this.session.receive(typeof message === 'string' ? message : JSON.stringify(message));
    return this.received;
  }

  announce(peerId: string, fields: Json = {}): Json[] {
    return this.say({
      action: 'announce',
      info_hash: HASH,
      peer_id: peerId,
      uploaded: 0,
      downloaded: 0,
      left: 100,
      numwant: 50,
      ...fields,
    });
  }

  /** What has come in since the last time. */
  take(): Json[] {
    const messages = this.received;
    this.received = [];
    return messages;
  }
}

export interface TestTracker {
  readonly core: TrackerCore;
  readonly clock: { at: number; now(): number };
  readonly errors: Error[];
  readonly warnings: string[];
  connect(address?: string): FakeConnection;
}

/** A tracker in a time of its own. Every connection comes from another address unless told otherwise. */
export function testTracker(options: TrackerCoreOptions = {}): TestTracker {
  const clock = {
    at: 0,
    now(): number {
      return this.at;
    },
  };
  const errors: Error[] = [];
  const warnings: string[] = [];
  const core = new TrackerCore({
    clock,
    onError: (error) => errors.push(error),
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  let connections = 0;
  return {
    core,
    clock,
    errors,
    warnings,
    connect: (address = `192.0.2.${++connections}`) => new FakeConnection(core, address),
  };
}
