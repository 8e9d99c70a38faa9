/**
 * Freshet in Node.
 *
 * ```js
 * import Client from 'freshet';
 *
 * const client = new Client();
 * const torrent = await client.add('magnet:?xt=urn:btih:...').untilReady();
 * for await (const chunk of torrent.files[0]) process.stdout.write(chunk);
 * ```
 */

import { Client as BaseClient } from './api/client.ts';
import type { ClientOptions } from './api/index.ts';
import { nodePlatform } from './platform.node.ts';
import type { Session } from './session/protocol.ts';

export * from './api/index.ts';
// The same names on both platforms, so that one program can be typed for both; here it rejects with a sentence.
export { registerServiceWorker, type ServiceWorkerOptions } from './browser/register.ts';

/** Torrents that share connections, limits and one engine. */
export class Client extends BaseClient {
  /** Peers that are browsers can be connected to. */
  static readonly WEBRTC_SUPPORT: boolean = nodePlatform.webrtc;

  /**
   * @param session where the engine runs. Default in this thread.
   * @throws {ArgumentError} on an option that is out of range.
   */
  constructor(options: ClientOptions = {}, session?: Session) {
    super(options, nodePlatform, session);
  }
}

export default Client;
