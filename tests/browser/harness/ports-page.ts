/** The page of `ports.test.ts`: what the test calls in it hangs on `globalThis.harness`. */

import { createBlobFileStore } from '../../../packages/freshet/src/browser/blob-files.ts';
import { BrowserFileServer } from '../../../packages/freshet/src/browser/file-server.ts';
import { createBrowserHasher } from '../../../packages/freshet/src/browser/hasher.ts';
import { browserHttp } from '../../../packages/freshet/src/browser/http.ts';
import { createOpfsFileStore } from '../../../packages/freshet/src/browser/opfs.ts';
import { OpfsHost } from '../../../packages/freshet/src/browser/opfs-host.ts';
import { createTwoSlotState } from '../../../packages/freshet/src/browser/opfs-state.ts';
import { localPipe } from '../../../packages/freshet/src/browser/port.ts';
import { browserRandom } from '../../../packages/freshet/src/browser/random.ts';
import { registerServiceWorker } from '../../../packages/freshet/src/browser/register.ts';
import { RtcPeers } from '../../../packages/freshet/src/browser/rtc-peers.ts';
import { browserSockets } from '../../../packages/freshet/src/browser/sockets.ts';
import { BrowserStorage } from '../../../packages/freshet/src/browser/storage.ts';
import { createBrowserRtc } from '../../../packages/freshet/src/browser/webrtc.ts';
import {
  type ContractFile,
  diskContract,
} from '../../../packages/freshet/src/engine/contracts/disk.contract.ts';
import { fileStoreContract } from '../../../packages/freshet/src/engine/contracts/file-store.contract.ts';
import { hasherContract } from '../../../packages/freshet/src/engine/contracts/hasher.contract.ts';
import { linkContract } from '../../../packages/freshet/src/engine/contracts/link.contract.ts';
import { stateStoreContract } from '../../../packages/freshet/src/engine/contracts/state-store.contract.ts';
import type { Disk, Link, LinkHandler, RtcAttempt } from '../../../packages/freshet/src/engine/ports.ts';
import { infoHashFromBytes, toHex } from '../../../packages/freshet/src/protocol/index.ts';
import { type CaseResult, runCases } from './vitest-in-page.ts';

/** Candidates of this machine are enough. */
const [toPage, toEngine] = localPipe();
new RtcPeers(toEngine, { iceServers: [] });
const rtc = createBrowserRtc(toPage);

function linkPair(): Promise<{ a: Link; b: Link; dispose(): void }> {
  return new Promise((resolve, reject) => {
    let a: Link | undefined;
    let b: Link | undefined;
    const ready = (): void => {
      if (!a || !b) return;
      const links = { a, b };
      resolve({
        ...links,
        dispose() {
          links.a.close();
          links.b.close();
        },
      });
    };
    const offering = rtc.offer({
      onDescription: (offer) => {
        rtc.answer(offer, {
          onDescription: (answer) => offering.accept(answer),
          onLink: (link) => {
            b = link;
            ready();
          },
          onError: reject,
        });
      },
      onLink: (link) => {
        a = link;
        ready();
      },
      onError: reject,
    });
  });
}

async function contracts(): Promise<CaseResult[]> {
  linkContract('WebRTC', linkPair);
  hasherContract('WebCrypto', () => ({ hasher: createBrowserHasher() }));
  const host = await OpfsHost.start();
  let folders = 0;
  fileStoreContract('OPFS', async () => {
    const folder = ['contract', `files ${folders++}`];
    return {
      store: createOpfsFileStore(host, folder),
      reopen: async () => createOpfsFileStore(host, folder),
      dispose: () => host.request({ op: 'removeTree', path: folder }).then(() => {}),
    };
  });
  stateStoreContract('two slots in OPFS', async () => {
    const folder = ['contract', `state ${folders++}`];
    return {
      store: createTwoSlotState(createOpfsFileStore(host, folder)),
      reopen: async () => createTwoSlotState(createOpfsFileStore(host, folder)),
      dispose: () => host.request({ op: 'removeTree', path: folder }).then(() => {}),
    };
  });
  for (const kind of ['auto', 'memory'] as const) {
    const storage = await BrowserStorage.open({ kind, folder: 'contract' });
    diskContract(`mapped, in ${storage.kind}`, async (files) => {
      const infoHash = infoHashFromBytes(new Uint8Array(20).fill(++folders))!;
      const info = { length: 0, files: layout(files) };
      info.length = files.reduce((sum, file) => sum + file.length, 0);
      const reopen = async (wanted?: readonly boolean[]) =>
        (await storage.openTorrent(infoHash)).openDisk(info, wanted);
      const disk = await reopen();
      const store = createOpfsFileStore(host, ['contract', 'files', toHex(infoHash)]);
      return {
        disk,
        ...(storage.kind === 'opfs' && {
          reopen,
          fileExists: async (path: readonly string[]) => (await store.stat(path)).size >= 0,
        }),
        dispose: () => disk.destroy(),
      };
    });
  }
  const results = await runCases();
  host.close();
  return results;
}

function layout(files: readonly ContractFile[]) {
  let offset = 0;
  return files.map(({ path, length, padding = false }) => {
    offset += length;
    return { path, length, padding, offset: offset - length };
  });
}

const DISK = { info: { length: 3_000_000, files: layout([{ path: ['a', 'film.mp4'], length: 3_000_000 }]) } };
let storage: BrowserStorage | undefined;
let disk: Disk | undefined;

/** Opens the disk of one torrent, and reads what is there. */
async function openDisk(): Promise<{
  kind: string;
  reason: string | undefined;
  there: number;
  right: boolean;
}> {
  storage ??= await BrowserStorage.open();
  const place = await storage.openTorrent(infoHashFromBytes(new Uint8Array(20).fill(0xdd))!);
  disk = await place.openDisk(DISK.info);
  const into = new Uint8Array(DISK.info.length);
  const there = await disk.read(0, into);
  const right = there === into.length && into.every((byte, i) => byte === byteAt(i));
  return { kind: place.kind, reason: place.reason, there, right };
}

async function writeDisk(): Promise<void> {
  const data = pattern(0, DISK.info.length);
  for (let at = 0; at < data.length; at += 1_000_000) {
    await disk!.write(at, [data.subarray(at, at + 500_000), data.subarray(at + 500_000, at + 1_000_000)]);
  }
  await disk!.flush();
}

/** The byte at `offset` of every stream here. */
function byteAt(offset: number): number {
  return (offset * 31 + (offset >>> 8)) & 0xff;
}

function pattern(start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = byteAt(start + i);
  return bytes;
}

let attempt: RtcAttempt | undefined;
let link: Promise<Link> | undefined;

function describeSelf(start: (handler: Parameters<typeof rtc.offer>[0]) => RtcAttempt): Promise<string> {
  return new Promise((resolve, reject) => {
    link = new Promise((onLink, onError) => {
      attempt = start({ onDescription: resolve, onLink, onError });
    });
    link.catch(reject);
  });
}

/** Sends blocks of 16 KiB with a header, as the engine does, whenever the link is below its high-water mark. */
async function sendBlocks(total: number): Promise<void> {
  const to = await link!;
  const [header, block] = [new Uint8Array(13), new Uint8Array(16_384)];
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    const fill = (): void => {
      while (sent < total && to.queuedBytes <= to.highWater) {
        to.send([header, block]);
        sent += header.length + block.length;
      }
      if (sent >= total) resolve();
    };
    to.attach({ onData() {}, onDrain: fill, onClose: (error) => reject(error ?? new Error('closed')) });
    fill();
  });
}

/** Milliseconds from the first byte to the last, and the longest time for which the page did nothing else. */
async function receiveBlocks(total: number): Promise<{ ms: number; longestPause: number }> {
  const from = await link!;
  let longestPause = 0;
  let ticked = performance.now();
  const ticker = setInterval(() => {
    longestPause = Math.max(longestPause, performance.now() - ticked);
    ticked = performance.now();
  }, 4);
  const ms = await new Promise<number>((resolve, reject) => {
    let received = 0;
    let began = 0;
    const handler: LinkHandler = {
      onData(chunk) {
        began ||= performance.now();
        received += chunk.length;
        if (received >= total) resolve(performance.now() - began);
      },
      onDrain() {},
      onClose: (error) => reject(error ?? new Error('closed')),
    };
    from.attach(handler);
  });
  clearInterval(ticker);
  return { ms, longestPause };
}

/** A peer without our code, in the same page: it answers and hands over its bare channel. */
async function barePeer(): Promise<{ link: Link; channel: RTCDataChannel; duplicate: () => void }> {
  const bare = new RTCPeerConnection();
  const channel = new Promise<RTCDataChannel>((resolve) => {
    bare.ondatachannel = (event) => resolve(event.channel);
  });
  let answer = '';
  let attempt: RtcAttempt | undefined;
  const link = await new Promise<Link>((onLink, onError) => {
    const answerTo = async (sdp: string): Promise<void> => {
      await bare.setRemoteDescription({ type: 'offer', sdp });
      await bare.setLocalDescription();
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (bare.iceGatheringState === 'complete') resolve();
        };
        bare.onicegatheringstatechange = check;
        check();
      });
      answer = bare.localDescription!.sdp;
      attempt!.accept(answer);
      // Trackers may bring it twice.
      attempt!.accept(answer);
    };
    attempt = rtc.offer({ onDescription: (sdp) => void answerTo(sdp), onLink, onError });
  });
  return { link, channel: await channel, duplicate: () => attempt!.accept(answer) };
}

/** What a link says at its end after the bare peer at the other end has misbehaved. */
async function endAfter(misbehave: 'text' | 'flood' | 'close connection'): Promise<string> {
  const { link, channel, duplicate } = await barePeer();
  duplicate();
  return new Promise((resolve) => {
    link.attach({
      onData() {},
      onDrain() {},
      onClose: (error) => resolve(error?.message ?? 'orderly'),
    });
    if (misbehave === 'text') channel.send('text');
    else if (misbehave === 'close connection') channel.close();
    else {
      link.pauseReading();
      let sent = 0;
      const fill = (): void => {
        // The channel closes in the middle of it.
        while (sent < 24 * 1024 * 1024 && channel.readyState === 'open' && channel.bufferedAmount < 65_536) {
          channel.send(new Uint8Array(16_384));
          sent += 16_384;
        }
      };
      channel.onbufferedamountlow = fill;
      fill();
    }
  });
}

/** What an attempt says that is cancelled at once, within half a second. */
async function cancelled(): Promise<string[]> {
  const said: string[] = [];
  rtc
    .offer({
      onDescription: () => said.push('description'),
      onLink: () => said.push('link'),
      onError: () => said.push('error'),
    })
    .cancel();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return said;
}

const state = { streams: 0, cancelled: 0, ended: 0 };

async function serve(options: {
  script: string;
  infoHash: string;
  length: number;
  type?: string;
}): Promise<string> {
  const registration = await registerServiceWorker(options.script);
  const has = (path: string): boolean => path.startsWith(`${options.infoHash}/`);
  const server = new BrowserFileServer(registration, {
    has,
    find: async (path) => {
      if (path !== `${options.infoHash}/a folder/film #1.bin`) return undefined;
      return {
        name: 'film #1.bin',
        length: options.length,
        type: options.type ?? 'application/octet-stream',
        etag: '"v1"',
        read: async function* (start, endInclusive, signal) {
          state.streams++;
          signal.addEventListener('abort', () => state.ended++, { once: true });
          try {
            for (let at = start; at <= endInclusive; at += 65_536)
              yield pattern(at, Math.min(65_536, endInclusive + 1 - at));
          } finally {
            state.cancelled++;
          }
        },
      };
    },
  });
  return server.urlOf(options.infoHash, 'a folder/film #1.bin');
}

interface Fetched {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly length: number;
  /** Every byte is the one that belongs to its offset. */
  readonly right: boolean;
  readonly text: string;
}

async function fetchFile(url: string, init: RequestInit = {}, start = 0): Promise<Fetched> {
  const response = await fetch(url, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    length: bytes.length,
    right: bytes.every((byte, i) => byte === byteAt(start + i)),
    text: bytes.length < 1000 ? new TextDecoder().decode(bytes) : '',
  };
}

/** Reads a little, then goes away as a player does that seeks. */
async function fetchAndAbort(url: string): Promise<number> {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  const { value } = await response.body!.getReader().read();
  abort.abort();
  return value?.length ?? 0;
}

async function httpGet(url: string, range?: { first: number; last: number }): Promise<string[]> {
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    const decoder = new TextDecoder();
    browserHttp.get(
      { url, range },
      {
        onHead: ({ status, header }) => seen.push(`${status} ${header('content-length')}`),
        onData: (chunk) => seen.push(decoder.decode(chunk)),
        onEnd: () => resolve(void seen.push('end')),
        onError: ({ message }) => resolve(void seen.push(message)),
      },
    );
  });
  return seen;
}

/** Sends each text when the answer to the one before has come; resolves at the end of the socket. */
function talk(url: string, texts: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  const rest = [...texts];
  return new Promise((resolve) => {
    const say = (heard: string): void => {
      seen.push(heard);
      socket.send(rest.shift() ?? '');
    };
    const socket = browserSockets.connect(url, {
      onOpen: () => say('open'),
      onMessage: say,
      onClose: (reason) => resolve([...seen, reason]),
    });
  });
}

async function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) =>
      error instanceof Error ? `${(error as { code?: string }).code}: ${error.message}` : '',
  );
}

const harness = {
  contracts,
  endAfter,
  cancelled,
  openDisk,
  writeDisk,
  closeDisk: () => disk!.close(),
  state,
  serve,
  fetchFile,
  fetchAndAbort,
  httpGet,
  talk,
  sendBlocks,
  receiveBlocks,
  offer: () => describeSelf((handler) => rtc.offer(handler)),
  answer: (sdp: string) => describeSelf((handler) => rtc.answer(sdp, handler)),
  accept: async (sdp: string): Promise<void> => {
    attempt!.accept(sdp);
    await link;
  },
  /** How the sending of more than can be sent ends. */
  sendWithoutEnd: () => sendBlocks(Number.POSITIVE_INFINITY).catch(({ message }: Error) => message),
  receive: async (): Promise<void> => (await link!).attach({ onData() {}, onDrain() {}, onClose() {} }),
  badAnswer: (sdp: string) => code(describeSelf((handler) => rtc.answer(sdp, handler))),
  /** Opens a file in OPFS for writing and keeps it open. */
  holdFile: async (): Promise<string> => {
    const store = createOpfsFileStore(await OpfsHost.start(), ['held']);
    return code(store.open(['film.mp4'], true));
  },
  fillStorage: async (bytes: number): Promise<string> => {
    const store = createOpfsFileStore(await OpfsHost.start(), ['quota']);
    const file = await store.open(['big.bin'], true);
    const outcome = await code(file.write(0, [new Uint8Array(bytes)]));
    await file.close();
    await store.remove(['big.bin']);
    return outcome;
  },
  saveState: async (key: string, text: string): Promise<void> => {
    const store = createTwoSlotState(createOpfsFileStore(await OpfsHost.start(), ['state']));
    await store.save(key, new TextEncoder().encode(text));
  },
  loadState: async (key: string): Promise<string> => {
    const store = createTwoSlotState(createOpfsFileStore(await OpfsHost.start(), ['state']));
    return new TextDecoder().decode(await store.load(key));
  },
  hostWorker: async (url: string): Promise<string> =>
    code(OpfsHost.start({ createWorker: () => new Worker(url) })),
  blobs: async (): Promise<string[]> => {
    const blob = new File([pattern(0, 1000)], 'chosen.bin', { lastModified: 1234 });
    const store = createBlobFileStore([{ path: ['a', 'chosen.bin'], blob }]);
    const into = new Uint8Array(20);
    const file = await store.open(['a', 'chosen.bin'], false);
    return [
      String(await file.read(990, into)),
      String(into[0] === byteAt(990) && into[9] === byteAt(999) && into[10] === 0),
      JSON.stringify(await store.stat(['a', 'chosen.bin'])),
      JSON.stringify(await store.stat(['other'])),
      await code(file.write(0, [into])),
      await code(store.open(['other'], false)),
    ];
  },
  /** Draws of `below(6)`, counted. */
  dice: (draws: number): number[] => {
    const counts = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < draws; i++) counts[browserRandom.below(6)]!++;
    return counts;
  },
};

export type Harness = typeof harness;
Object.assign(globalThis, { harness });
