import type { IceServer as NativeIceServer } from 'node-datachannel';

/** A STUN or TURN server: its address, or the object that browsers take. */
export type IceServer =
  | string
  | {
      readonly urls: string | readonly string[];
      readonly username?: string | undefined;
      readonly credential?: string | undefined;
    };

/**
 * The form the library takes. TURN over TCP or TLS, which it does not have, and what is no STUN or TURN address
 * are left out: one useless server must not cost the others.
 */
export function nativeIceServers(servers: readonly IceServer[]): (string | NativeIceServer)[] {
  return servers.flatMap((server) => {
    if (typeof server === 'string') return one(server, undefined, undefined);
    const urls = typeof server.urls === 'string' ? [server.urls] : server.urls;
    return urls.flatMap((url) => one(url, server.username, server.credential));
  });
}

function one(
  url: string,
  username: string | undefined,
  password: string | undefined,
): (string | NativeIceServer)[] {
  const match =
    /^(stun|turn):(?:\/\/)?(\[[0-9a-f:]+\]|[^\s:/?@]+)(?::(\d{1,5}))?(?:\?transport=(udp))?$/i.exec(url);
  if (match === null) return [];
  const [, scheme, host, port] = match;
  if (scheme!.toLowerCase() === 'stun') return [`stun:${host}:${port ?? '3478'}`];
  return [
    {
      hostname: host!.replace(/^\[|\]$/g, ''),
      port: Number(port ?? 3478),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      relayType: 'TurnUdp',
    },
  ];
}
