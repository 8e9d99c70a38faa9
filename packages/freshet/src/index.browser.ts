/**
 * Freshet in a page.
 *
 * ```js
 * import Client, { registerServiceWorker } from 'freshet';
 *
 * const client = new Client();
 * client.createServer({ controller: await registerServiceWorker('/freshet-sw.js') });
 * const torrent = await client.add('magnet:?xt=urn:btih:...').untilReady();
 * torrent.files[0].streamTo(document.querySelector('video'));
 * ```
 */

import { Client as BaseClient } from './api/client.ts';
import type { ClientOptions } from './api/index.ts';
import { browserPlatform } from './platform.browser.ts';
import type { Session } from './session/protocol.ts';

export * from './api/index.ts';
export { registerServiceWorker, type ServiceWorkerOptions } from './browser/register.ts';

/** Torrents that share connections, limits and one engine. */
export class Client extends BaseClient {
  /** The browser has WebRTC, without which only web seeds can be downloaded from. */
  static readonly WEBRTC_SUPPORT: boolean = browserPlatform.webrtc;

  /**
   * @param session where the engine runs. Default in this thread.
   * @throws {ArgumentError} on an option that is out of range.
   */
  constructor(options: ClientOptions = {}, session?: Session) {
    super(options, browserPlatform, session);
  }
}

export default Client;
