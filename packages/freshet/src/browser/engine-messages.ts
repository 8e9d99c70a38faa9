/** What a page and the worker with its engine say to each other beside the ports they share. */

/** The worker's name, by which the script knows that it is to run an engine and not only to be imported. */
export const ENGINE_WORKER = 'freshet engine';

export type EngineRequest =
  /** First of all. `settings` are those of a session; `session` is for the page's client, `rtc` leads to its `RtcPeers`. */
  | {
      readonly freshet: 'start';
      readonly settings: object;
      readonly session: MessagePort;
      readonly rtc: MessagePort | undefined;
    }
  /** Another client. */
  | { readonly freshet: 'connect'; readonly session: MessagePort }
  /** Ends the engine in order. */
  | { readonly freshet: 'end' };

export type EngineReport =
  | { readonly freshet: 'started' }
  | { readonly freshet: 'failed'; readonly reason: string }
  /** Everything is released, except connections that still carry their last messages. */
  | { readonly freshet: 'ended' };
