/** WebRTC connections on the browser's `RTCPeerConnection`. Only a page has it: a worker does not. */

import type { RtcAttempt, RtcConnector, RtcHandler } from '../engine/ports.ts';
import { WebRtcLink } from './webrtc-link.ts';

/** STUN servers used unless others are given; the ones WebTorrent uses. */
export const DEFAULT_ICE_SERVERS: readonly RTCIceServer[] = [
  { urls: 'stun:stun.l.google.com:19302' },
  { urls: 'stun:global.stun.twilio.com:3478' },
];

/** A STUN server that does not answer would hold the description back for ten seconds and more. */
const GATHERING_LIMIT = 2_000;
/** From both descriptions known to an open channel. Browsers give up on a pair of candidates after about 30 s. */
const CONNECT_LIMIT = 30_000;

export interface BrowserRtcOptions {
  /** STUN and TURN servers. Default: `DEFAULT_ICE_SERVERS`. An empty list reaches peers on the same network only. */
  readonly iceServers?: readonly RTCIceServer[] | undefined;
}

class BrowserRtcAttempt implements RtcAttempt {
  readonly #initiator: boolean;
  #handler: RtcHandler | undefined;
  #connection: RTCPeerConnection | undefined;
  #limit: ReturnType<typeof setTimeout> | undefined;

  constructor(create: () => RTCPeerConnection, offer: string | undefined, handler: RtcHandler) {
    this.#initiator = offer === undefined;
    this.#handler = handler;
    try {
      const connection = create();
      this.#connection = connection;
      connection.onconnectionstatechange = () => {
        const state = connection.connectionState;
        if (state === 'failed' || state === 'closed') this.#fail('no way to the peer was found');
      };
      if (offer === undefined) this.#open(connection, connection.createDataChannel('freshet'));
      else connection.ondatachannel = ({ channel }) => this.#open(connection, channel);
      void this.#describe(connection, offer).catch((error: unknown) => this.#fail(reasonOf(error)));
    } catch (error) {
      // A browser allows some hundred connections per page, and refuses unknown ICE servers.
      queueMicrotask(() => this.#fail(reasonOf(error)));
    }
  }

  accept(answerSdp: string): void {
    const connection = this.#connection;
    // Trackers may bring an answer twice: the first one counts.
    if (!connection || !this.#initiator || !this.#handler || this.#limit !== undefined) return;
    this.#limit = setTimeout(() => this.#fail('the peer does not answer'), CONNECT_LIMIT);
    connection
      .setRemoteDescription({ type: 'answer', sdp: answerSdp })
      .catch((error: unknown) => this.#fail(`the peer's answer is not usable (${reasonOf(error)})`));
  }

  cancel(): void {
    if (!this.#handler) return;
    this.#handler = undefined;
    this.#dispose();
  }

  async #describe(connection: RTCPeerConnection, offer: string | undefined): Promise<void> {
    if (offer === undefined) {
      await connection.setLocalDescription(await connection.createOffer());
    } else {
      await connection.setRemoteDescription({ type: 'offer', sdp: offer });
      await connection.setLocalDescription(await connection.createAnswer());
      this.#limit = setTimeout(() => this.#fail('the peer does not answer'), CONNECT_LIMIT);
    }
    await gathered(connection);
    if (connection.localDescription) this.#handler?.onDescription(connection.localDescription.sdp);
  }

  #open(connection: RTCPeerConnection, channel: RTCDataChannel): void {
    // Made before the channel opens, because messages can come right behind it.
    const link = new WebRtcLink(connection, channel);
    const opened = (): void => {
      const handler = this.#handler;
      if (!handler) return;
      this.#handler = undefined;
      this.#settle();
      handler.onLink(link);
    };
    if (channel.readyState === 'open') queueMicrotask(opened);
    else channel.addEventListener('open', opened, { once: true });
  }

  #fail(reason: string): void {
    const handler = this.#handler;
    this.#handler = undefined;
    if (!handler) return;
    this.#dispose();
    handler.onError(new Error(`The WebRTC connection failed: ${reason}.`));
  }

  #settle(): void {
    clearTimeout(this.#limit);
    if (!this.#connection) return;
    this.#connection.onconnectionstatechange = null;
    this.#connection.ondatachannel = null;
  }

  #dispose(): void {
    this.#settle();
    this.#connection?.close();
  }
}

/** Resolves when all candidates are in `localDescription`, or the time for that is over, or the attempt is. */
function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(limit);
      connection.removeEventListener('icegatheringstatechange', check);
      resolve();
    };
    const check = (): void => {
      if (connection.iceGatheringState === 'complete' || connection.signalingState === 'closed') done();
    };
    const limit = setTimeout(done, GATHERING_LIMIT);
    connection.addEventListener('icegatheringstatechange', check);
    check();
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An `RtcConnector` that has something to leave behind. */
export interface BrowserRtc extends RtcConnector {
  /** Stops listening for the end of the page. Connections stay with their owners. */
  close(): void;
}

/**
 * Makes WebRTC connections that understand simple-peer (WebTorrent) and node-datachannel at the other end. They are
 * closed when the page goes: a browser that drops them leaves the peers in the dark for 15 to 30 seconds.
 */
export function createBrowserRtc(options: BrowserRtcOptions = {}): BrowserRtc {
  const iceServers = options.iceServers ?? DEFAULT_ICE_SERVERS;
  const connections = new Set<RTCPeerConnection>();
  const create = (): RTCPeerConnection => {
    for (const old of connections) if (old.signalingState === 'closed') connections.delete(old);
    const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
    connections.add(connection);
    return connection;
  };
  const onHide = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) for (const connection of connections) connection.close();
  };
  globalThis.addEventListener('pagehide', onHide);
  return {
    offer: (handler) => new BrowserRtcAttempt(create, undefined, handler),
    answer: (offerSdp, handler) => new BrowserRtcAttempt(create, offerSdp, handler),
    close: () => globalThis.removeEventListener('pagehide', onHide),
  };
}
