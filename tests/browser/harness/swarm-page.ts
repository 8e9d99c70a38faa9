/**
 * What a page with a BitTorrent client does for a test or a benchmark. Knows only what Freshet's and WebTorrent's
 * clients have in common, so that it drives either.
 */

interface PageFile {
  readonly name: string;
  readonly path: string;
  readonly length: number;
  readonly streamURL: string;
  blob(): Promise<Blob>;
}

interface PageTorrent {
  readonly magnetURI: string;
  readonly torrentFile: Uint8Array;
  readonly files: readonly PageFile[];
  readonly progress: number;
  readonly done: boolean;
  readonly numPeers: number;
  readonly downloaded: number;
  readonly received: number;
  readonly uploaded: number;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

interface PageClient {
  add(id: string | Uint8Array, options: object, ready?: (torrent: PageTorrent) => void): PageTorrent;
  seed(files: readonly File[], options: object, seeding: (torrent: PageTorrent) => void): PageTorrent;
  createServer(options: { controller: ServiceWorkerRegistration }): unknown;
  on(event: string, listener: (error: Error) => void): unknown;
}

export type PageClientClass = new (options: object) => PageClient;

/** Milliseconds since the page called `add`. */
export interface Timing {
  /** The first peer was there. */
  wire: number;
  /** All was verified. */
  done: number;
}

export interface FrameTiming {
  /** From `add` to the first frame of the film. */
  firstFrame: number;
  /** From setting the time to the first frame at it. */
  seek: number;
  /** What had arrived when the seek began, 0 to 1. */
  progressAtSeek: number;
}

export interface SwarmHarness {
  /** Seeds what is at these addresses, as files of these names. Returns the magnet link. */
  seed(files: Record<string, string>, name: string, announce: readonly string[]): Promise<string>;
  /** Seeds what is dropped onto the page; resolves with the magnet link. */
  seedDropped(announce: readonly string[]): Promise<string>;
  /** Adds a torrent and goes on: `untilDone` waits. */
  add(id: string | readonly number[], options?: object): void;
  untilDone(): Promise<Timing>;
  /** SHA-256 of every file by its path. */
  hashes(): Promise<Record<string, string>>;
  status(): { progress: number; peers: number; downloaded: number; received: number; uploaded: number };
  /** Registers the service worker, for `watch` and `timeFrames`. */
  serve(): Promise<void>;
  /** Shows the film of the torrent that was added in the page's <video>; resolves when it plays. */
  watch(): Promise<void>;
  /** Resolves with the time of the first frame that is shown at `from` seconds or later. */
  frame(from: number): Promise<number>;
  /** Sets the time, in seconds; resolves with the milliseconds until a frame at it is shown. */
  seek(to: number): Promise<number>;
  /** Adds, plays, and seeks to `seekTo` seconds `pause` milliseconds after the first frame. */
  timeFrames(id: string, options: object, seekTo: number, pause: number): Promise<FrameTiming>;
  readonly failures: string[];
}

export function createHarness(
  Client: PageClientClass,
  registerWorker: () => Promise<ServiceWorkerRegistration>,
): SwarmHarness {
  const failures: string[] = [];
  const { uploadLimit } = Object.fromEntries(new URLSearchParams(location.search));
  const client = new Client({
    dht: false,
    // No STUN: nothing leaves the machine.
    tracker: { rtcConfig: { iceServers: [] } },
    ...(uploadLimit === undefined ? {} : { uploadLimit: Number(uploadLimit) }),
  });
  client.on('error', (error) => failures.push(error.message));
  let torrent: PageTorrent | undefined;
  let done: Promise<Timing> | undefined;

  const current = (): PageTorrent => {
    if (torrent === undefined) throw new Error('the page has no torrent');
    return torrent;
  };

  function add(id: string | readonly number[], options: object = {}): void {
    const began = performance.now();
    const added = client.add(typeof id === 'string' ? id : Uint8Array.from(id), options);
    torrent = added;
    added.on('error', ((error: Error) => failures.push(error.message)) as never);
    let wire = Number.NaN;
    added.on('wire', () => {
      if (Number.isNaN(wire)) wire = performance.now() - began;
    });
    done = new Promise((resolve) => {
      added.on('done', () => resolve({ wire, done: performance.now() - began }));
    });
  }

  async function seedFiles(files: readonly File[], options: object): Promise<string> {
    torrent = await new Promise<PageTorrent>((resolve) => {
      client.seed(files, options, resolve);
    });
    return torrent.magnetURI;
  }

  function film(): HTMLVideoElement {
    const video = document.querySelector('video') ?? document.createElement('video');
    video.muted = true;
    video.controls = true;
    if (!video.isConnected) document.body.append(video);
    return video;
  }

  function shown(from: number): Promise<{ at: number; mediaTime: number }> {
    const video = film();
    return new Promise((resolve) => {
      const look = (_: number, { mediaTime }: VideoFrameCallbackMetadata): void => {
        if (mediaTime >= from) resolve({ at: performance.now(), mediaTime });
        else video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
    });
  }

  async function seek(to: number): Promise<number> {
    const began = performance.now();
    film().currentTime = to;
    // The frame at a time begins a little before it.
    return (await shown(to - 0.1)).at - began;
  }

  async function filmOf(added: PageTorrent): Promise<PageFile> {
    const found = (): PageFile | undefined => added.files.find(({ name }) => name.endsWith('.mp4'));
    if (found() === undefined) {
      await new Promise<void>((resolve) => {
        added.on('metadata', () => resolve());
        added.on('ready', () => resolve());
      });
    }
    const file = found();
    if (file === undefined) throw new Error('no film in the torrent');
    return file;
  }

  return {
    failures,
    seed: async (files, name, announce) => {
      const list = Object.entries(files).map(async ([path, url]) => {
        const blob = await (await fetch(url)).blob();
        return new File([blob], path);
      });
      return seedFiles(await Promise.all(list), { name, announce });
    },
    seedDropped: async (announce) => {
      document.addEventListener('dragover', (event) => event.preventDefault());
      const files = await new Promise<File[]>((resolve) => {
        document.addEventListener('drop', (event) => {
          event.preventDefault();
          resolve([...(event.dataTransfer?.files ?? [])]);
        });
      });
      return seedFiles(files, { announce });
    },
    add,
    untilDone: () => done ?? Promise.reject(new Error('the page has no torrent')),
    hashes: async () => {
      const hashes: Record<string, string> = {};
      for (const file of current().files) {
        const bytes = await (await file.blob()).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        hashes[file.path] = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
      }
      return hashes;
    },
    status: () => {
      const { progress, numPeers, downloaded, received, uploaded } = current();
      return { progress, peers: numPeers, downloaded, received, uploaded };
    },
    serve: async () => {
      client.createServer({ controller: await registerWorker() });
    },
    watch: async () => {
      const video = film();
      video.src = (await filmOf(current())).streamURL;
      await video.play();
    },
    frame: async (from) => (await shown(from)).mediaTime,
    seek,
    timeFrames: async (id, options, seekTo, pause) => {
      const began = performance.now();
      add(id, options);
      const first = shown(0);
      const video = film();
      video.src = (await filmOf(current())).streamURL;
      const playing = video.play();
      const firstFrame = (await first).at - began;
      await playing;
      await new Promise((resolve) => setTimeout(resolve, pause));
      const progressAtSeek = current().progress;
      return { firstFrame, seek: await seek(seekTo), progressAtSeek };
    },
  };
}
