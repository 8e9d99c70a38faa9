/** Everything the engine needs of Node, put together. */

import type { Ports } from '../engine/ports.ts';
import { NodeClock } from './clock.ts';
import { NodeHasher } from './hasher.ts';
import { NodeHttpClient } from './http.ts';
import { NodeRandom } from './random.ts';
import { NodeMessageSocketConnector } from './sockets.ts';
import { TcpDialer, TcpListener } from './tcp.ts';
import { NodeRtcConnector, type WebRtcOptions } from './webrtc.ts';

export interface NodePortsOptions extends WebRtcOptions {
  /** The one local address for incoming TCP and for WebRTC, such as `127.0.0.1`. Default: all of them. */
  readonly host?: string | undefined;
  /** TCP to peers, in and out. Default true. */
  readonly tcp?: boolean | undefined;
  /** WebRTC to peers. Default true; its library is loaded with the first connection. */
  readonly webrtc?: boolean | undefined;
}

export interface NodePorts extends Ports {
  /** Ends everything that would keep the process alive, except links, which belong to whoever took them. Idempotent. */
  close(): Promise<void>;
}

export function createNodePorts(options: NodePortsOptions = {}): NodePorts {
  const http = new NodeHttpClient();
  const sockets = new NodeMessageSocketConnector();
  const listener = options.tcp === false ? undefined : new TcpListener({ host: options.host });
  const rtc = options.webrtc === false ? undefined : new NodeRtcConnector(options);
  return {
    clock: new NodeClock(),
    random: new NodeRandom(),
    hasher: new NodeHasher(),
    http,
    sockets,
    dialer: options.tcp === false ? undefined : new TcpDialer(),
    listener,
    rtc,
    async close() {
      http.close();
      await Promise.all([sockets.close(), listener?.close(), rtc?.close()]);
    },
  };
}
