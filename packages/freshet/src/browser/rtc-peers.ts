/** The page's part in WebRTC: it makes the connections and gives their channels away. */

import { linkChannel } from './data-channel.ts';
import { ChannelForwarder } from './forwarded-channel.ts';
import type { Port } from './port.ts';
import { PREPARED, type RtcReport, type RtcRequest, type WithoutId } from './rtc-messages.ts';

/** STUN servers used unless others are given; the ones WebTorrent uses. */
export const DEFAULT_ICE_SERVERS: readonly RTCIceServer[] = [
  { urls: 'stun:stun.l.google.com:19302' },
  { urls: 'stun:global.stun.twilio.com:3478' },
];

export interface RtcPeersOptions {
  /** STUN and TURN servers. Default: `DEFAULT_ICE_SERVERS`. An empty list reaches peers on the same network only. */
  readonly iceServers?: readonly RTCIceServer[] | undefined;
}

type Tell = (report: WithoutId<RtcReport>, transfer?: readonly unknown[]) => void;

/** One connection, from its description to its end. */
class RtcPeer {
  readonly #connection: RTCPeerConnection;
  readonly #tell: Tell;
  #forwarder: ChannelForwarder | undefined;
  #given = false;
  #gatheredEnough = false;
  #onGathered: (() => void) | undefined;
  #closed = false;

  /** Throws when the browser makes no more connections, or refuses the ICE servers. */
  constructor(iceServers: readonly RTCIceServer[], offer: string | undefined, tell: Tell) {
    this.#tell = tell;
    const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
    this.#connection = connection;
    connection.onconnectionstatechange = () => {
      const state = connection.connectionState;
      if (state === 'failed' || state === 'closed') tell({ type: 'state', state });
    };
    if (offer === undefined) this.#give(connection.createDataChannel('freshet'));
    else connection.ondatachannel = ({ channel }) => this.#give(channel);
    void this.#describe(offer).catch((error: unknown) => this.#refuse(reasonOf(error)));
  }

  hear(request: RtcRequest): void {
    if (request.op === 'accept') this.#accept(request.sdp);
    else if (request.op === 'describe') {
      this.#gatheredEnough = true;
      this.#onGathered?.();
    } else this.#forwarder?.hear(request);
  }

  close(): void {
    this.#closed = true;
    this.#connection.onconnectionstatechange = null;
    this.#connection.ondatachannel = null;
    this.#connection.close();
  }

  #accept(sdp: string): void {
    this.#connection
      .setRemoteDescription({ type: 'answer', sdp })
      .catch((error: unknown) => this.#refuse(`the peer's answer is not usable (${reasonOf(error)})`));
  }

  async #describe(offer: string | undefined): Promise<void> {
    const connection = this.#connection;
    if (offer === undefined) {
      await connection.setLocalDescription(await connection.createOffer());
    } else {
      await connection.setRemoteDescription({ type: 'offer', sdp: offer });
      await connection.setLocalDescription(await connection.createAnswer());
    }
    await this.#gathered();
    const sdp = connection.localDescription?.sdp;
    if (sdp !== undefined && !this.#closed) this.#tell({ type: 'description', sdp });
  }

  /** Resolves when all candidates are in the description, or it is asked for as it is. */
  #gathered(): Promise<void> {
    const connection = this.#connection;
    return new Promise((resolve) => {
      this.#onGathered = resolve;
      const check = (): void => {
        if (connection.iceGatheringState === 'complete' || this.#gatheredEnough) resolve();
      };
      connection.onicegatheringstatechange = check;
      check();
    });
  }

  /** A channel can move to another thread as long as nothing was done with it. */
  #give(channel: RTCDataChannel): void {
    if (this.#given) {
      channel.close();
      return;
    }
    this.#given = true;
    try {
      this.#tell({ type: 'channel', channel }, [channel]);
    } catch {
      this.#tell({ type: 'forwarding' });
      this.#forwarder = new ChannelForwarder(linkChannel(channel), this.#tell);
    }
  }

  #refuse(reason: string): void {
    if (!this.#closed) this.#tell({ type: 'refused', reason });
  }
}

/**
 * Makes connections for the engine at the other end of the pipe. They are closed when the page goes: a browser that drops
 * them leaves the peers in the dark for 15 to 30 seconds.
 */
export class RtcPeers {
  readonly #port: Port;
  readonly #iceServers: readonly RTCIceServer[];
  readonly #peers = new Map<number, RtcPeer>();
  #onIdle: (() => void) | undefined;
  /** There is a prepared connection that nobody has asked for. */
  #prepared = false;

  constructor(port: Port, options: RtcPeersOptions = {}) {
    this.#port = port;
    this.#iceServers = options.iceServers ?? DEFAULT_ICE_SERVERS;
    port.onMessage = (message) => this.#hear(message as RtcRequest);
    globalThis.addEventListener('pagehide', this.#onHide);
  }

  /**
   * Makes a connection for the first offer while the engine starts: its candidates take a tenth of a second and more to be
   * gathered. The engine closes it when it wants none soon.
   */
  prepare(): void {
    this.#prepared = true;
    this.#start(PREPARED, undefined);
  }

  /** Closes all connections: the engine has gone. */
  close(): void {
    globalThis.removeEventListener('pagehide', this.#onHide);
    this.#port.close();
    this.#closeAll();
  }

  /** Calls back when the engine has closed all connections, at once if it has. */
  whenIdle(callback: () => void): void {
    if (this.#prepared) this.#hear({ id: PREPARED, op: 'close' });
    if (this.#peers.size === 0) callback();
    else this.#onIdle = callback;
  }

  #hear(request: RtcRequest): void {
    const { id } = request;
    if (id === PREPARED && this.#prepared) {
      this.#prepared = false;
      // What is asked for is there.
      if (request.op === 'offer') return;
    }
    if (request.op === 'offer') this.#start(id, undefined);
    else if (request.op === 'answer') this.#start(id, request.sdp);
    else if (request.op === 'close') {
      this.#peers.get(id)?.close();
      this.#peers.delete(id);
      if (this.#peers.size === 0) this.#onIdle?.();
    } else this.#peers.get(id)?.hear(request);
  }

  #start(id: number, offer: string | undefined): void {
    const tell: Tell = (report, transfer) => this.#port.post({ ...report, id }, transfer);
    try {
      this.#peers.set(id, new RtcPeer(this.#iceServers, offer, tell));
    } catch (error) {
      // A browser allows some hundred connections per page, and refuses unknown ICE servers.
      tell({ type: 'refused', reason: reasonOf(error) });
    }
  }

  readonly #onHide = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) this.#closeAll();
  };

  #closeAll(): void {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
