/** What a page can do with an engine that it has started. */

import type { Port } from './port.ts';

/** The engine of this page. */
export interface LocalEngine {
  /** Ends it in order, also while it starts. Resolves when everything is released. Never rejects. */
  close(): Promise<void>;
  /** Ends it at once; what is stored stays valid. */
  kill(): void;
  /** A better way to the client of another tab that is on this channel. */
  givePipe(channel: string, port: MessagePort): void;
}

/** What becomes of it. Called later, and not after `close` or `kill`. */
export interface StartedEngine {
  /** It can be spoken to by this port. */
  onReady(port: Port): void;
  /** It did not start, or has died. Nothing of it is left. */
  onFailure(error: unknown): void;
}

/** How an engine is shared with other tabs. */
export interface EngineShare {
  /** Clients and engines that have this in common find each other (`leadershipNames`). */
  readonly prefix: string;
  /** Name of this engine, no other one's. */
  readonly engine: string;
  /** How the page wanted its engine, to be compared with what others want. */
  readonly settings: object;
}
