/** The two servers that a small swarm needs, in a few lines: a web server with the files, and the real tracker's core. */

import { rangeResponse, type SampleTorrent } from 'freshet/memory';
import { TrackerCore } from 'freshet-tracker';
import type { World } from '../world.ts';

export interface SampleServer {
  /** Address for `TorrentSpec.webSeeds`. */
  readonly url: string;
  readonly requests: number;
}

/**
 * Serves the files of a torrent as a web seed (BEP 19).
 * @param lies changes what is sent, given the offset in the file's bytes.
 */
export function serveSample(
  world: World,
  address: string,
  sample: SampleTorrent,
  lies: (body: Uint8Array) => Uint8Array = (body) => body,
): SampleServer {
  const url = `http://${address}/`;
  const files = new Map(
    sample.info.files
      .filter((file) => !file.padding)
      .map(({ path, offset, length }) => [
        `${url}${path.join('/')}`,
        sample.content.subarray(offset, offset + length),
      ]),
  );
  const server = { url, requests: 0 };
  world.network.setHost(address, { latencyMs: 5, up: 1_000_000 });
  world.network.serveHttp(address, `http://${address}`, (request) => {
    server.requests++;
    const bytes = files.get(request.url);
    if (bytes === undefined) return { status: 404 };
    const response = rangeResponse(bytes, request);
    return { ...response, delayMs: 150, body: response.body && lies(response.body) };
  });
  return server;
}

/** Puts up a WebSocket tracker; returns its core. */
export function serveTracker(world: World, address: string, url: string): TrackerCore {
  const random = world.random('tracker');
  const core = new TrackerCore({
    clock: world.clock,
    random: () => random.below(2 ** 32) / 2 ** 32,
    onError: (error) => world.loop.fail(error),
  });
  let connections = 0;
  world.network.setHost(address, {});
  world.network.serveSockets(address, url, (socket) => {
    const session = core.open({
      address: `10.8.0.${connections++ % 250}`,
      send: (text) => socket.send(text),
      ping: () => {},
      pause: () => {},
      resume: () => {},
      close: () => socket.close(),
    });
    return { onMessage: (text) => session.receive(text), onClose: () => session.closed() };
  });
  return core;
}
