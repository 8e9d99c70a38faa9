/** WebRTC in Node, through libdatachannel: the way to peers that are browsers. */

import { randomBytes } from 'node:crypto';
import type { RtcAttempt, RtcConnector, RtcHandler } from '../engine/ports.ts';
import { toHex } from '../protocol/index.ts';
import { type IceServer, nativeIceServers } from './ice-servers.ts';
import { WebRtcLink } from './webrtc-link.ts';
import {
  createPeer,
  type NativeChannel,
  type NativeConfig,
  type NativePeer,
  peerClosed,
  release,
  retain,
} from './webrtc-native.ts';

export type { IceServer } from './ice-servers.ts';

/** Longest wait for candidates, in ms: an unreachable STUN server must not hold an offer back. */
const GATHERING_LIMIT = 2_000;

/**
 * How long an answerer leaves the first move to the offerer, in ms from its answer on. The answer takes about
 * this long on its way, and until it is there nothing the answerer sends is of use. Sent earlier, it does harm
 * twice. An offerer that has been sent something can be through the DTLS handshake before the library has
 * stored the fingerprint to check the certificate against, and then refuses the certificate: 3 of 2,400
 * connections on a busy machine, none of 2,400 with the delay. And the answerer finds its way first, so that its
 * first DTLS packet comes too early and the next one a second later: 19 of 20 connections took 1,004 ms, with
 * the delay all of 80 took 54 to 79 ms. The first of the two can still happen with an answerer that is not ours.
 */
const CANDIDATE_DELAY = 200;

/** More than a machine with many networks has; each costs a series of packets to an address somebody named. */
const MAX_CANDIDATES = 32;

/** What WebTorrent clients use, so that both ends of a connection see the same network. */
export const DEFAULT_ICE_SERVERS: readonly string[] = [
  'stun:stun.l.google.com:19302',
  'stun:global.stun.twilio.com:3478',
];

export interface WebRtcOptions {
  /** STUN and TURN servers. Default `DEFAULT_ICE_SERVERS`; `[]` for the local network only. */
  readonly iceServers?: readonly IceServer[] | undefined;
  /** One UDP port that all connections share. It must be free and cannot be shared by two connectors. */
  readonly udpPort?: number | undefined;
  /** First and last UDP port to use, one for each connection. Ignored when `udpPort` is given. */
  readonly udpPortRange?: readonly [first: number, last: number] | undefined;
  /** The one local address to use, such as `127.0.0.1`. Default: all of them. */
  readonly host?: string | undefined;
}

/** Makes WebRTC connections. `close` it, or the process does not exit by itself. */
export class NodeRtcConnector implements RtcConnector {
  readonly #config: NativeConfig;
  readonly #connections = new Set<RtcConnection>();
  #closed = false;

  constructor(options: WebRtcOptions = {}) {
    const ports =
      options.udpPort === undefined ? options.udpPortRange : ([options.udpPort, options.udpPort] as const);
    this.#config = {
      iceServers: nativeIceServers(options.iceServers ?? DEFAULT_ICE_SERVERS),
      ...(options.host === undefined ? {} : { bindAddress: options.host }),
      ...(ports === undefined ? {} : { portRangeBegin: ports[0], portRangeEnd: ports[1] }),
      ...(options.udpPort === undefined ? {} : { enableIceUdpMux: true }),
    };
    retain();
  }

  offer(handler: RtcHandler): RtcAttempt {
    return this.#start(handler, undefined);
  }

  answer(offerSdp: string, handler: RtcHandler): RtcAttempt {
    return this.#start(handler, offerSdp);
  }

  #start(handler: RtcHandler, offerSdp: string | undefined): RtcAttempt {
    const connection = new RtcConnection(handler, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    connection.start(this.#closed ? undefined : this.#config, offerSdp);
    return connection;
  }

  /** Ends all connections. Once the last connector is closed, nothing of WebRTC keeps the process alive. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const connection of [...this.#connections]) connection.abandon();
    await release();
  }
}

/** One peer connection from its description to its end. */
class RtcConnection implements RtcAttempt {
  readonly #handler: RtcHandler;
  readonly #onGone: () => void;
  #peer: NativePeer | undefined;
  #channel: NativeChannel | undefined;
  #link: WebRtcLink | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #described = false;
  /** Candidates of the offer that are not used yet. */
  #laterCandidates: readonly string[] = [];
  #mid = '0';
  /** The attempt has succeeded, failed or been cancelled. */
  #settled = false;

  constructor(handler: RtcHandler, onGone: () => void) {
    this.#handler = handler;
    this.#onGone = onGone;
  }

  start(config: NativeConfig | undefined, offerSdp: string | undefined): void {
    if (config === undefined) {
      this.#failLater('this client is closing');
      return;
    }
    let peer: NativePeer;
    try {
      peer = createPeer(config);
    } catch (error) {
      this.#failLater(`this machine cannot make one (${messageOf(error)})`, error);
      return;
    }
    this.#peer = peer;
    peer.onStateChange((state) => this.#onState(peer, state));
    peer.onGatheringStateChange((state) => {
      if (state === 'complete') this.#describe();
    });
    this.#gathering = setTimeout(() => this.#describe(), GATHERING_LIMIT);
    try {
      if (offerSdp === undefined) {
        // A random label, as other clients choose it.
        this.#useChannel(peer.createDataChannel(toHex(randomBytes(20))));
      } else {
        peer.onDataChannel((channel) => this.#useChannel(channel));
        const { sdp, candidates } = splitCandidates(offerSdp);
        this.#laterCandidates = candidates;
        this.#mid = /^a=mid:(\S+)/m.exec(offerSdp)?.[1] ?? '0';
        peer.setRemoteDescription(sdp, 'offer');
      }
    } catch (error) {
      this.#failLater(
        offerSdp === undefined
          ? `this machine cannot offer one (${messageOf(error)})`
          : `the other end's offer cannot be read (${messageOf(error)})`,
        error,
      );
    }
  }

  accept(answerSdp: string): void {
    if (this.#settled) return;
    try {
      this.#peer?.setRemoteDescription(answerSdp, 'answer');
    } catch (error) {
      this.#failLater(`the other end's answer cannot be read (${messageOf(error)})`, error);
    }
  }

  cancel(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#closeNative();
  }

  /** Ends the attempt or the link without a word, for good. */
  abandon(): void {
    this.cancel();
    this.#link?.close();
    this.#link?.end(undefined);
  }

  #describe(): void {
    clearTimeout(this.#gathering);
    if (this.#described || this.#settled) return;
    const sdp = this.#peer?.localDescription()?.sdp;
    if (sdp === undefined || sdp === '') {
      this.#fail('this machine has no description of itself to offer');
      return;
    }
    this.#described = true;
    this.#handler.onDescription(sdp);
    if (this.#laterCandidates.length > 0 && !this.#settled) {
      this.#gathering = setTimeout(this.#addCandidates, CANDIDATE_DELAY);
    }
  }

  readonly #addCandidates = (): void => {
    if (this.#settled) return;
    for (const candidate of this.#laterCandidates) {
      try {
        this.#peer?.addRemoteCandidate(candidate, this.#mid);
      } catch {
        // One that cannot be read must not cost the others.
      }
    }
  };

  #useChannel(channel: NativeChannel): void {
    // One channel carries everything; a second one is not ours.
    if (this.#channel !== undefined || this.#settled) {
      channel.close();
      return;
    }
    this.#channel = channel;
    // Messages can come before `open` has been seen.
    const early: (string | Uint8Array | ArrayBuffer)[] = [];
    channel.onMessage((message) => {
      if (this.#link === undefined) early.push(message);
      else this.#link.receive(message);
    });
    channel.onError((reason) => {
      if (this.#link === undefined) this.#fail(reason);
      else this.#link.fail(reason);
    });
    channel.onClosed(() => {
      if (this.#link === undefined) this.#fail('the other end has closed it');
      // Messages travel by another queue and may be behind.
      else setImmediate(() => this.#link?.channelClosed());
    });
    const opened = (): void => {
      if (this.#link !== undefined || this.#settled || this.#peer === undefined) return;
      this.#settled = true;
      clearTimeout(this.#gathering);
      const link = new WebRtcLink(this.#peer, channel);
      this.#link = link;
      for (const message of early) link.receive(message);
      this.#handler.onLink(link);
    };
    channel.onOpen(opened);
    // An incoming channel is open when it is announced.
    if (channel.isOpen()) setImmediate(opened);
  }

  #onState(peer: NativePeer, state: string): void {
    if (state === 'failed' || state === 'closed') {
      if (this.#link === undefined) {
        this.#fail(
          state === 'failed' ? 'no way between the two ends was found' : 'the other end has closed it',
        );
      } else if (state === 'failed') {
        this.#link.fail('the other end does not answer any more');
      } else {
        const link = this.#link;
        setImmediate(() => link.end(undefined));
      }
    }
    if (state === 'closed') {
      peerClosed(peer);
      this.#onGone();
    }
  }

  #failLater(reason: string, cause?: unknown): void {
    queueMicrotask(() => this.#fail(reason, cause));
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#settled) return;
    this.cancel();
    this.#handler.onError(new Error(`The WebRTC connection has failed: ${reason}`, { cause }));
  }

  #closeNative(): void {
    clearTimeout(this.#gathering);
    try {
      this.#channel?.close();
      this.#peer?.close();
    } catch {
      // It is closed already.
    }
    if (this.#peer === undefined) this.#onGone();
  }
}

/**
 * Takes the candidates out of a description, and with them the mark that says there are no others: an end
 * without a candidate would be a failure.
 */
function splitCandidates(offer: string): { readonly sdp: string; readonly candidates: readonly string[] } {
  const candidates: string[] = [];
  const lines = offer.split(/\r?\n/).filter((line) => {
    if (line.startsWith('a=candidate:')) candidates.push(line.slice(2));
    return !line.startsWith('a=candidate:') && line !== 'a=end-of-candidates';
  });
  return { sdp: lines.join('\r\n'), candidates: candidates.slice(0, MAX_CANDIDATES) };
}

/** The library's words on one line; they may quote what a stranger has sent. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\p{Cc}+/gu, ' ').slice(0, 200);
}
