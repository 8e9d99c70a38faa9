/** What a tab of a site does for the test of one engine per site: one client, its torrents, and a player. */

import type Freshet from 'freshet';
import type { Torrent } from 'freshet';

type Library = {
  default: typeof Freshet;
  registerServiceWorker(url: string): Promise<ServiceWorkerRegistration>;
};
type Options = ConstructorParameters<typeof Freshet>[0];

export interface TabStatus {
  readonly infoHash: string;
  readonly progress: number;
  readonly downloaded: number;
  readonly received: number;
  readonly peers: number;
  readonly done: boolean;
}

export interface Playing {
  readonly time: number;
  readonly error: string | undefined;
  readonly ended: boolean;
  readonly stalls: number;
}

export interface OneClientTab {
  /** What went wrong, and warnings of torrents. */
  readonly complaints: string[];
  /** When bytes were verified, in milliseconds since 1970. */
  readonly arrivals: number[];
  /** Events of torrents that are to come once, in order. */
  readonly events: string[];
  start(options?: Options): void;
  /** All that were started; the last one is meant by what follows. */
  readonly clients: readonly Freshet[];
  add(torrentFile: readonly number[], url: string): void;
  addMagnet(magnet: string): void;
  seed(content: string, name: string, announce: readonly string[]): Promise<string>;
  watch(index?: number): Promise<void>;
  playing(): Playing;
  /** Sets the time of the film, in seconds. */
  seek(to: number): void;
  status(index?: number): TabStatus | undefined;
  untilDone(index?: number): Promise<void>;
  hash(index?: number): Promise<string>;
  remove(index?: number): Promise<void>;
  destroy(): Promise<void>;
  /** Gets a service worker. */
  serve(): Promise<void>;
  /** Messages that this tab has sent over channels of its own to another tab's engine, since `countMessages`. */
  countMessages(): void;
  readonly messages: number;
  /** The browser's name of the tab that has the engine. */
  leader(): Promise<string | undefined>;
  /** Names of the locks that are held, and by how many. */
  locks(): Promise<Record<string, number>>;
}

export function createTab({ default: Client, registerServiceWorker }: Library): OneClientTab {
  const complaints: string[] = [];
  const arrivals: number[] = [];
  const events: string[] = [];
  const torrents: Torrent[] = [];
  const clients: Freshet[] = [];
  let stalls = 0;
  let messages = 0;

  const current = (): Freshet => {
    const client = clients.at(-1);
    if (client === undefined) throw new Error('the tab has no client');
    return client;
  };
  const at = (index: number): Torrent => {
    const torrent = torrents[index];
    if (torrent === undefined) throw new Error(`the tab has no torrent ${index}`);
    return torrent;
  };
  const follow = (torrent: Torrent): Torrent => {
    torrents.push(torrent);
    torrent.on('error', (error) => complaints.push(`error: ${String(error)}`));
    torrent.on('warning', (error) => complaints.push(`warning: ${String(error)}`));
    torrent.on('verified', () => arrivals.push(Date.now()));
    torrent.on('infoHash', () => events.push('infoHash'));
    torrent.on('metadata', () => events.push('metadata'));
    torrent.on('done', () => events.push('done'));
    return torrent;
  };

  return {
    complaints,
    arrivals,
    events,
    clients,
    start: (options) => {
      const client = new Client({ tracker: { rtcConfig: { iceServers: [] } }, ...options });
      clients.push(client);
      client.on('error', (error) => complaints.push(`client: ${error.message}`));
      client.on('warning', (error) =>
        complaints.push(`${'code' in error ? error.code : ''}: ${error.message}`),
      );
    },
    add: (torrentFile, url) => {
      follow(current().add(Uint8Array.from(torrentFile), { urlList: [url] }));
    },
    addMagnet: (magnet) => {
      follow(current().add(magnet));
    },
    seed: async (content, name, announce) => {
      const torrent = follow(current().seed(new File([content], name), { announce: [...announce] }));
      await torrent.untilDone();
      return torrent.magnetURI ?? '';
    },
    serve: async () => {
      current().createServer({ controller: await registerServiceWorker('/freshet/freshet-sw.js') });
    },
    countMessages: () => {
      messages = 0;
      const post = BroadcastChannel.prototype.postMessage;
      BroadcastChannel.prototype.postMessage = function (this: BroadcastChannel, message: unknown) {
        if (/ \d+$/.test(this.name)) messages += 1;
        post.call(this, message);
      };
    },
    get messages() {
      return messages;
    },
    watch: async (index = 0) => {
      await at(index).untilReady();
      const video = document.createElement('video');
      video.muted = true;
      video.addEventListener('waiting', () => {
        stalls += 1;
      });
      document.body.append(video);
      video.src = at(index).files[0]!.streamURL;
      await video.play();
    },
    playing: () => {
      const video = document.querySelector('video');
      if (video === null) throw new Error('nothing plays in the tab');
      return { time: video.currentTime, error: video.error?.message, ended: video.ended, stalls };
    },
    seek: (to) => {
      document.querySelector('video')!.currentTime = to;
    },
    status: (index = 0) => {
      const torrent = torrents[index];
      if (torrent === undefined) return undefined;
      const { infoHash, progress, downloaded, received, numPeers, done } = torrent;
      return { infoHash: infoHash ?? '', progress, downloaded, received, peers: numPeers, done };
    },
    untilDone: async (index = 0) => {
      await at(index).untilDone();
    },
    hash: async (index = 0) => {
      const bytes = await at(index).files[0]!.arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
    remove: (index = 0) => current().remove(at(index)),
    destroy: () => current().destroy(),
    leader: async () => {
      const { held } = await navigator.locks.query();
      return held?.find(({ name }) => name?.endsWith(' leader') === true)?.clientId;
    },
    locks: async () => {
      const { held } = await navigator.locks.query();
      const counts: Record<string, number> = {};
      for (const { name = '' } of held ?? []) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    },
  };
}
