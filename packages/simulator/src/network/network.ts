/** What a simulated network offers its hosts. */

import type {
  Dialer,
  HttpClient,
  HttpRequest,
  Link,
  Listener,
  MessageSocketConnector,
  RtcConnector,
} from 'freshet/engine';
import type { ServerSocket, SocketServer } from 'freshet/memory';

/** How a host is connected to the middle of the network. */
export interface LineOptions {
  /** Bytes per second. Default unlimited. */
  readonly up?: number | undefined;
  readonly down?: number | undefined;
  /** One way to the middle of the network, in milliseconds; a path's is the sum of both ends'. Default 10. */
  readonly latencyMs?: number | undefined;
  /** Most milliseconds that a packet takes longer by chance. Default 0. */
  readonly jitterMs?: number | undefined;
  /** Part of the packets that are lost, 0..1; streams send them again, and slow down. Default 0. */
  readonly loss?: number | undefined;
  /** Bytes that wait for the line, up and down each, before packets are dropped. Default 200 ms of the line, at least 64 KiB. */
  readonly queueBytes?: number | undefined;
  /**
   * Who can open connections to it. `open`: anybody. `cone`: WebRTC with anybody, no TCP from outside. `symmetric`: WebRTC
   * with `open` and `cone` only. `blocked`: only what it opens itself to `open` hosts over TCP or HTTP; WebRTC never.
   * Default `open`.
   */
  readonly nat?: 'open' | 'cone' | 'symmetric' | 'blocked' | undefined;
  /** Milliseconds that ICE, DTLS and SCTP take besides four round trips. Default 0. */
  readonly rtcSetupMs?: number | undefined;
  /** Part of the WebRTC connections that are never established, 0..1. Default 0. */
  readonly rtcFailure?: number | undefined;
}

/** What a web server answers. */
export interface SimResponse {
  /** Default 200. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The whole body that is sent. Default empty. */
  readonly body?: Uint8Array | undefined;
  /** Milliseconds of work before the head is sent. Default 0. */
  readonly delayMs?: number | undefined;
  /** Bytes of the body after which the connection breaks, or nothing more comes. */
  readonly breakAfter?: number | undefined;
  readonly silentAfter?: number | undefined;
  /** Goes on at this address instead. */
  readonly redirect?: string | undefined;
}

/** `undefined`: the request is taken, and nothing ever comes. `from` is the address of the host that asks. */
export type SimHttpServer = (request: HttpRequest, from: string) => SimResponse | undefined;

/** What a WebSocket server does with a new connection; as `SocketServer`, and told who it is from. */
export type SimSocketServer = (socket: ServerSocket, from: string) => ReturnType<SocketServer>;

/** All paths between hosts. A host is named by its IP address. */
export interface Network {
  /** Adds a host, or gives it another line; what is under way keeps its time. */
  setHost(host: string, line: LineOptions): void;
  /**
   * Offline, all connections of the host end for good and without a word: neither its own side nor the other is told,
   * nothing arrives any more. Both find out by themselves: WebRTC after 30 s; TCP and WebSockets 30 s after they have sent
   * something; HTTP after 30 s without a byte. New connections from and to it get no answer until it is online again.
   */
  setOnline(host: string, online: boolean): void;
  /**
   * Breaks all connections of one host, or between two, of all kinds; both sides are told at once, which lose what is on its
   * way. Returns how many there were.
   */
  cut(host: string, other?: string): number;
  dialer(host: string): Dialer;
  listener(host: string): Listener;
  rtc(host: string): RtcConnector;
  http(host: string): HttpClient;
  sockets(host: string): MessageSocketConnector;
  /** Puts up a web server on a host, for all addresses that begin with `origin` (`http://10.9.0.1`). `undefined` takes it down, its answers break off. */
  serveHttp(host: string, origin: string, server: SimHttpServer | undefined): void;
  /** Puts up a WebSocket server at this address; `undefined` takes it down, its connections end. */
  serveSockets(host: string, url: string, server: SimSocketServer | undefined): void;
  /** Bytes that the host's line has carried, of all kinds, headers excluded. */
  traffic(host: string): { readonly up: number; readonly down: number };
}

export type { Link, SocketServer };
