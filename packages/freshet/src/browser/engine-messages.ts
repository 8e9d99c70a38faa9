/** What a page and the worker with its engine say to each other beside the ports they share. */

import type { EngineShare } from './local-engine.ts';

/** The worker's name, by which the script knows that it is to run an engine and not only to be imported. */
export const ENGINE_WORKER = 'freshet engine';

export type EngineRequest =
  /** First of all. `settings` are those of a session; `session` is for the page's client, `rtc` leads to its `RtcPeers`. */
  | {
      readonly freshet: 'start';
      readonly settings: object;
      readonly share: EngineShare | undefined;
      readonly session: MessagePort;
      readonly rtc: MessagePort | undefined;
    }
  /** A better way to the client of another tab that is on this channel. */
  | { readonly freshet: 'pipe'; readonly channel: string; readonly port: MessagePort }
  /** Ends the engine in order. */
  | { readonly freshet: 'end' };

export type EngineReport =
  | { readonly freshet: 'started' }
  | { readonly freshet: 'failed'; readonly reason: string }
  /** Everything is released, except connections that still carry their last messages. */
  | { readonly freshet: 'ended' };
