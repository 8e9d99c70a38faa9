/** A connected peer. */

import type { PeerSnapshot } from '../session/protocol.ts';
import { Emitter } from './emitter.ts';

export type WireType = 'webrtc' | 'tcpIncoming' | 'tcpOutgoing' | 'utpIncoming' | 'utpOutgoing';

export interface WireEvents {
  /** The connection has ended. */
  close: [];
}

/** A connected peer: what is known of it, at most a second old. */
export class Wire extends Emitter<WireEvents> {
  #snapshot: PeerSnapshot;
  readonly #close: () => void;
  #destroyed = false;

  constructor(snapshot: PeerSnapshot, close: () => void) {
    super();
    this.#snapshot = snapshot;
    this.#close = close;
  }

  /** All that is known of the peer. */
  get status(): PeerSnapshot {
    return this.#snapshot;
  }
  /** Unique within the client. */
  get id(): number {
    return this.#snapshot.id;
  }
  /** 40 hexadecimal characters. */
  get peerId(): string | undefined {
    return this.#snapshot.peerId;
  }
  get type(): WireType {
    const { transport, incoming } = this.#snapshot;
    if (transport === 'webrtc') return 'webrtc';
    return `${transport === 'utp' ? 'utp' : 'tcp'}${incoming ? 'Incoming' : 'Outgoing'}`;
  }
  /** Name of the other client. */
  get client(): string {
    return this.#snapshot.client;
  }
  /** Payload bytes sent to the peer. */
  get uploaded(): number {
    return this.#snapshot.uploaded;
  }
  /** Payload bytes received from the peer. */
  get downloaded(): number {
    return this.#snapshot.downloaded;
  }
  /** Bytes per second. */
  get uploadSpeed(): number {
    return this.#snapshot.uploadSpeed;
  }
  /** Bytes per second. */
  get downloadSpeed(): number {
    return this.#snapshot.downloadSpeed;
  }
  /** Not known of WebRTC peers. */
  get remoteAddress(): string | undefined {
    return this.#snapshot.address;
  }
  /** Not known of WebRTC peers. */
  get remotePort(): number | undefined {
    return this.#snapshot.port;
  }
  get amChoking(): boolean {
    return this.#snapshot.amChoking;
  }
  get amInterested(): boolean {
    return this.#snapshot.amInterested;
  }
  get peerChoking(): boolean {
    return this.#snapshot.peerChoking;
  }
  get peerInterested(): boolean {
    return this.#snapshot.peerInterested;
  }
  /** The peer has everything. */
  get isSeeder(): boolean {
    return this.#snapshot.isSeed;
  }
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Closes the connection. The peer may connect again. */
  destroy(): void {
    if (!this.#destroyed) this.#close();
  }

  /** @internal */
  update(snapshot: PeerSnapshot): void {
    this.#snapshot = snapshot;
  }

  /** @internal */
  closed(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.emit('close');
  }
}

/** `host:port` of a peer, where it has an address. */
export function peerAddressText(peer: PeerSnapshot): string | undefined {
  if (peer.address === undefined) return undefined;
  return peer.address.includes(':') ? `[${peer.address}]:${peer.port}` : `${peer.address}:${peer.port}`;
}
