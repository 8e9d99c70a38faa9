/**
 * What the engine's thread asks of the page and hears from it, as only a page has `RTCPeerConnection`. `id` is the
 * connection. The page has no timers in this: those of a hidden tab are late.
 */

/** The connection that the page makes before it is asked for one (`RtcPeers.prepare`). Others count from 1. */
export const PREPARED = 0;

export type RtcRequest =
  /** Answered with a channel and a description. */
  | { readonly id: number; readonly op: 'offer' }
  | { readonly id: number; readonly op: 'answer'; readonly sdp: string }
  | { readonly id: number; readonly op: 'accept'; readonly sdp: string }
  /** Tells the description with the candidates that are there; no more are waited for. */
  | { readonly id: number; readonly op: 'describe' }
  /** Nothing more is reported of it. */
  | { readonly id: number; readonly op: 'close' }
  /** For a channel that is forwarded. */
  | { readonly id: number; readonly op: 'send'; readonly data: Uint8Array }
  | { readonly id: number; readonly op: 'close channel' };

export type RtcReport =
  | { readonly id: number; readonly type: 'description'; readonly sdp: string }
  /** The connection cannot be made. */
  | { readonly id: number; readonly type: 'refused'; readonly reason: string }
  | { readonly id: number; readonly type: 'state'; readonly state: 'failed' | 'closed' }
  /** The channel itself, which has moved to the engine's thread. It opens there. */
  | { readonly id: number; readonly type: 'channel'; readonly channel: RTCDataChannel }
  /** The browser lets no channel go: the page forwards what it carries. */
  | { readonly id: number; readonly type: 'forwarding' }
  | { readonly id: number; readonly type: 'open' }
  | { readonly id: number; readonly type: 'data'; readonly data: unknown }
  /** So many bytes, since the beginning, have left the page's channel, or almost. */
  | { readonly id: number; readonly type: 'drained'; readonly total: number }
  | { readonly id: number; readonly type: 'fault'; readonly fault: ChannelFault }
  | { readonly id: number; readonly type: 'closed' };

export interface ChannelFault {
  readonly message: string;
  /** The other end closed its connection in order: no fault. */
  readonly orderly: boolean;
}

/** A message without its connection's number, for each kind of it. */
export type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
