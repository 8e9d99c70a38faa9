/** A client with the options that several commands share. */

import Client, { type ClientOptions } from 'freshet';

export interface NetworkOptions {
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  /** commander's form of `--no-webrtc`. */
  readonly webrtc?: boolean | undefined;
  readonly maxPeers?: number | undefined;
  readonly limitDown?: number | undefined;
  readonly limitUp?: number | undefined;
}

/** Host names and addresses by which only this machine is reached. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host);
}

export function openClient(options: NetworkOptions, more: ClientOptions = {}): Client {
  return new Client({
    torrentPort: options.port,
    host: options.host,
    webrtc: options.webrtc,
    maxConns: options.maxPeers,
    downloadLimit: options.limitDown,
    uploadLimit: options.limitUp,
    // Nobody outside this machine can connect, so nobody needs to be asked for our address there.
    ...(options.host !== undefined && isLoopback(options.host)
      ? { tracker: { rtcConfig: { iceServers: [] } } }
      : {}),
    ...more,
  });
}

/** Rejects when the client cannot go on, as when its port is taken. */
export function clientFailure(client: Client): Promise<never> {
  const failure = new Promise<never>((_, reject) => client.once('error', reject));
  // It is one of several things that are waited for.
  failure.catch(() => {});
  return failure;
}

/** Milliseconds for saying goodbye to trackers and peers. */
const GOODBYE = 5_000;

/** Ends a client. A tracker that does not answer must not keep the user waiting. */
export async function closeClient(client: Client | undefined): Promise<void> {
  if (client === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, GOODBYE);
  });
  await Promise.race([client.destroy(), late]);
  clearTimeout(timer);
}
