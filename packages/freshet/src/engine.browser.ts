/** An engine in the browser, in the thread that calls: a worker's, or a page's that can have none. */

import { createBlobFileStore } from './browser/blob-files.ts';
import { createBrowserPorts } from './browser/platform.ts';
import type { Port } from './browser/port.ts';
import { BrowserStorage } from './browser/storage.ts';
import { DirectSession } from './session/direct.ts';
import { ArgumentError } from './session/errors.ts';
import type { SessionPlatform } from './session/platform.ts';
import type { Session, SessionSettings } from './session/protocol.ts';

/**
 * @param rtc leads to the `RtcPeers` of a page; absent for no WebRTC.
 */
export function openDirectSession(settings: SessionSettings, rtc: Port | undefined): Session {
  return new DirectSession(sessionPlatform(rtc, settings.storageLimit), settings);
}

function sessionPlatform(rtc: Port | undefined, limit: number | undefined): SessionPlatform {
  // Looked for while the first torrent is on its way to us; a torrent's place in it is made when it comes.
  const persistent = BrowserStorage.open({ limit });
  let memory: Promise<BrowserStorage> | undefined;
  const storageFor = (inMemory: boolean): Promise<BrowserStorage> => {
    if (inMemory) {
      memory ??= BrowserStorage.open({ kind: 'memory' });
      return memory;
    }
    return persistent;
  };
  return {
    ports: createBrowserPorts(rtc),
    pathOf: () => undefined,
    openStorage: async (location, infoHash) => {
      if (location.directory !== undefined) {
        throw new ArgumentError('A folder of the user (rootDir) cannot be downloaded into in this version.');
      }
      const storage = await storageFor(location.memory === true);
      return storage.openTorrent(infoHash);
    },
    openSeed: (files) =>
      createBlobFileStore(
        files.map(({ path, seed: { content } }) => {
          if (content.kind === 'path') throw new ArgumentError('A page has no paths to seed, only files.');
          return {
            path,
            blob: content.kind === 'blob' ? (content.blob as Blob) : new Blob([content.bytes as BlobPart]),
          };
        }),
      ),
    kept: {
      list: async () => (await (await storageFor(false)).kept?.list()) ?? [],
      remove: async (infoHash) => {
        const { kept } = await storageFor(false);
        return kept === undefined ? (infoHash === undefined ? 0 : undefined) : kept.remove(infoHash);
      },
    },
    close: async () => {
      for (const storage of await Promise.all([persistent, memory])) storage?.close();
    },
  };
}
