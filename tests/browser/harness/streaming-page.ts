/** What the pages of streaming.test.ts do, for a client of the bundles as they ship. */

import type Freshet from 'freshet';
import type { ClientOptions, Delivery, File, registerServiceWorker, Torrent } from 'freshet';

export interface OpenOptions {
  /** Address of the service worker; `undefined` for a client without a server. */
  readonly script?: string | undefined;
  readonly scope?: string | undefined;
  /** Addresses of web seeds, beside the torrent's own. */
  readonly webSeeds?: readonly string[] | undefined;
  readonly client?: ClientOptions | undefined;
}

/** What has been read of a file for players so far. */
export interface Reads {
  readonly streams: number;
  readonly ended: number;
  readonly bytes: number;
}

export interface Fetched {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly length: number;
  /** SHA-256, in hexadecimal. */
  readonly hash: string;
  readonly text: string;
}

export interface StreamingHarness {
  /**
   * Adds a torrent in a client of its own, of which nothing is downloaded that is not read. Resolves with the number of
   * the file here and its address.
   */
  open(torrentFile: string, options?: OpenOptions): Promise<{ file: number; url: string | undefined }>;
  addWebSeed(file: number, url: string): void;
  /** Seeds what is at an address, as a file that the user has chosen. Resolves with its number here. */
  seed(url: string): Promise<number>;
  reads(file: number): Reads;
  /** `file.streamTo(video)`, or an address as the video's own; resolves when it plays. */
  play(source: number | string): Promise<void>;
  pause(): void;
  /** Resolves when `seconds` more have been played. */
  played(seconds: number): Promise<void>;
  seek(seconds: number): Promise<void>;
  video(): { time: number; duration: number; buffered: number; width: number; error: string | undefined };
  /** Takes the film away from the element, as a page does that shows something else. */
  unload(): void;
  deliveries(file: number): readonly Omit<Delivery, 'element'>[];
  fetch(url: string, headers?: Record<string, string>, method?: string): Promise<Fetched>;
  /** Begins to read an address and stops after `bytes`; `slow.finish` reads the rest and resolves with the hash of all. */
  beginSlow(url: string, bytes: number): Promise<void>;
  finishSlow(): Promise<{ length: number; hash: string }>;
  abortSlow(): void;
  update(): Promise<void>;
  /** Address of the script of the service worker that controls this page. */
  controller(): string | undefined;
  destroy(file: number): Promise<void>;
}

export function createStreaming(
  Client: typeof Freshet,
  register: typeof registerServiceWorker,
): StreamingHarness {
  interface Opened {
    readonly torrent: Torrent;
    readonly file: File;
    readonly client: InstanceType<typeof Freshet>;
    readonly reads: { streams: number; ended: number; bytes: number };
    readonly deliveries: Omit<Delivery, 'element'>[];
  }
  const opened: Opened[] = [];
  const at = (index: number): Opened => {
    const one = opened[index];
    if (one === undefined) throw new Error(`no file ${index} in this page`);
    return one;
  };
  const element = (): HTMLVideoElement => document.querySelector('video')!;
  let slow:
    | { reader: ReadableStreamDefaultReader<Uint8Array>; chunks: Uint8Array[]; abort: AbortController }
    | undefined;

  /** Passes on what a player reads, and counts it. */
  async function* counted(
    source: AsyncIterable<Uint8Array>,
    reads: Opened['reads'],
  ): AsyncGenerator<Uint8Array> {
    reads.streams++;
    try {
      for await (const chunk of source) {
        reads.bytes += chunk.length;
        yield chunk;
      }
    } finally {
      reads.ended++;
    }
  }

  /** Watches the first file of a torrent. */
  function keep(client: Opened['client'], torrent: Torrent): number {
    const file = torrent.files[0]!;
    const one: Opened = { torrent, file, client, reads: { streams: 0, ended: 0, bytes: 0 }, deliveries: [] };
    file.on('iterator', ({ iterator }, replace) => replace(counted(iterator, one.reads)));
    file.on('delivery', ({ kind, url, reason }) => one.deliveries.push({ kind, url, reason }));
    return opened.push(one) - 1;
  }

  return {
    open: async (torrentFile, { script, scope, webSeeds, client: settings } = {}) => {
      const client = new Client({ tracker: false, ...settings });
      const controller =
        script === undefined ? undefined : register(script, scope === undefined ? {} : { scope });
      if (controller !== undefined) client.createServer({ controller });
      const torrent = client.add(torrentFile, { deselect: true, urlList: webSeeds });
      await torrent.untilReady();
      const place = keep(client, torrent);
      const registered = await controller?.then(
        () => true,
        () => false,
      );
      return { file: place, url: registered === true ? at(place).file.streamURL : undefined };
    },
    addWebSeed: (file, url) => at(file).torrent.addWebSeed(url),
    seed: async (url) => {
      const blob = await (await fetch(url)).blob();
      const client = new Client({ tracker: false });
      const name = url.slice(url.lastIndexOf('/') + 1);
      return keep(client, await client.seed(new globalThis.File([blob], name)).untilDone());
    },
    reads: (file) => ({ ...at(file).reads }),
    play: async (source) => {
      const video = element();
      if (typeof source === 'number') at(source).file.streamTo(video);
      else video.src = source;
      await new Promise<void>((resolve, reject) => {
        video.addEventListener('playing', () => resolve(), { once: true });
        video.addEventListener(
          'error',
          () => reject(new Error(`video: ${video.error?.code} ${video.error?.message}`)),
          { once: true },
        );
        video.autoplay = true;
        video.play().catch(() => undefined);
      });
    },
    pause: () => element().pause(),
    played: async (seconds) => {
      const video = element();
      const from = video.currentTime;
      await new Promise<void>((resolve, reject) => {
        const look = setInterval(() => {
          if (video.currentTime < from + seconds && video.error === null) return;
          clearInterval(look);
          if (video.error === null) resolve();
          else reject(new Error(`video: ${video.error.code} ${video.error.message}`));
        }, 50);
      });
    },
    seek: async (seconds) => {
      const video = element();
      video.currentTime = seconds;
      await new Promise<void>((resolve) => video.addEventListener('seeked', () => resolve(), { once: true }));
    },
    video: () => {
      const video = element();
      const { buffered, currentTime: time } = video;
      let end = 0;
      for (let i = 0; i < buffered.length; i++) if (buffered.start(i) <= time) end = buffered.end(i);
      return {
        time,
        duration: video.duration,
        buffered: end,
        width: video.videoWidth,
        error: video.error?.message,
      };
    },
    unload: () => {
      const video = element();
      video.removeAttribute('src');
      video.load();
    },
    deliveries: (file) => at(file).deliveries,
    fetch: async (url, headers = {}, method = 'GET') => {
      const response = await fetch(url, { headers, method });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        length: bytes.length,
        hash: await sha256([bytes]),
        text: bytes.length < 2000 ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join('') : '',
      };
    },
    beginSlow: async (url, bytes) => {
      const abort = new AbortController();
      const response = await fetch(url, { signal: abort.signal });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      const reader = response.body.getReader();
      slow = { reader, chunks: [], abort };
      for (let seen = 0; seen < bytes; ) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the answer ended after ${seen} bytes`);
        slow.chunks.push(value);
        seen += value.length;
      }
    },
    finishSlow: async () => {
      const { reader, chunks } = slow!;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        chunks.push(value);
      }
      return { length: chunks.reduce((sum, { length }) => sum + length, 0), hash: await sha256(chunks) };
    },
    abortSlow: () => slow!.abort.abort(),
    update: async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
    },
    controller: () => navigator.serviceWorker.controller?.scriptURL,
    destroy: (file) => at(file).client.destroy(),
  };
}

async function sha256(parts: readonly Uint8Array[]): Promise<string> {
  const whole = await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer();
  if (globalThis.crypto.subtle === undefined) return '';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
