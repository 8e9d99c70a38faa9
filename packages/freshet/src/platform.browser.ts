/** What sessions and clients need of a page. */

import { ArgumentError, type ClientPlatform, type TrackerOptions, WebReadStream } from './api/index.ts';
import { createBlobFileStore } from './browser/blob-files.ts';
import { createBrowserPorts } from './browser/platform.ts';
import { BrowserStorage } from './browser/storage.ts';
import { PageFileServer } from './file-server.browser.ts';
import { DirectSession } from './session/direct.ts';
import type { SessionPlatform } from './session/platform.ts';

const hasWebRtc = typeof RTCPeerConnection !== 'undefined';

export const browserPlatform: ClientPlatform = {
  webrtc: hasWebRtc,
  openSession: ({ webrtc, storageWorker, ...settings }, tracker) => {
    const ports = createBrowserPorts({ webrtc, iceServers: iceServersOf(tracker) });
    const session = new DirectSession(
      sessionPlatform(ports, storageWorker, () => globalThis.removeEventListener('online', online)),
      settings,
    );
    // The machine is back on a network: peers and trackers need not wait for their turn.
    const online = (): void => void session.request('networkChanged', {}).catch(() => undefined);
    globalThis.addEventListener('online', online);
    return session;
  },
  createReadStream: (iterator) => new WebReadStream(iterator),
  createServer: (client, options, force) => {
    if (force === 'node') throw new ArgumentError('A server of the kind "node" needs Node.');
    return new PageFileServer(client, options);
  },
};

function iceServersOf({ rtcConfig }: TrackerOptions): readonly RTCIceServer[] | undefined {
  return (rtcConfig as RTCConfiguration | undefined)?.iceServers;
}

function sessionPlatform(
  ports: ReturnType<typeof createBrowserPorts>,
  storageWorker: string | undefined,
  onClose: () => void,
): SessionPlatform {
  // Opened with the first torrent that is downloaded: a page that only seeds needs none.
  let persistent: Promise<BrowserStorage> | undefined;
  let memory: Promise<BrowserStorage> | undefined;
  const storageFor = (inMemory: boolean): Promise<BrowserStorage> => {
    if (inMemory) {
      memory ??= BrowserStorage.open({ kind: 'memory' });
      return memory;
    }
    persistent ??= BrowserStorage.open(
      storageWorker === undefined ? {} : { createWorker: () => new Worker(storageWorker) },
    );
    return persistent;
  };
  return {
    ports,
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
    close: async () => {
      onClose();
      ports.close();
      for (const storage of await Promise.all([persistent, memory])) storage?.close();
    },
  };
}
