/**
 * Custom elements that play torrents. Importing this (`import 'freshet-player'`) defines `<freshet-video>`:
 *
 * ```html
 * <freshet-video src="magnet:?xt=urn:btih:..." controls></freshet-video>
 * ```
 */

import { FreshetVideo } from './video-element.ts';

export { chooseFile, type FileFacts, mediaKind } from './choose-file.ts';
export { ensureServer, sharedClient } from './shared-client.ts';
export { FreshetVideo, type FreshetVideoEventMap } from './video-element.ts';

declare global {
  interface HTMLElementTagNameMap {
    'freshet-video': FreshetVideo;
  }
}

if (typeof customElements !== 'undefined' && customElements.get('freshet-video') === undefined)
  customElements.define('freshet-video', FreshetVideo);
