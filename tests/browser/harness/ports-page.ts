/** The page of `ports.test.ts`: what the test calls in it hangs on `globalThis.harness`. */

import { createBlobFileStore } from '../../../packages/freshet/src/browser/blob-files.ts';
import { BrowserFileServer } from '../../../packages/freshet/src/browser/file-server.ts';
import { createBrowserHasher } from '../../../packages/freshet/src/browser/hasher.ts';
import { browserHttp } from '../../../packages/freshet/src/browser/http.ts';
import { localPipe, type Port, portOf } from '../../../packages/freshet/src/browser/port.ts';
import { browserRandom } from '../../../packages/freshet/src/browser/random.ts';
import { registerServiceWorker } from '../../../packages/freshet/src/browser/register.ts';
import { RtcPeers } from '../../../packages/freshet/src/browser/rtc-peers.ts';
import { browserSockets } from '../../../packages/freshet/src/browser/sockets.ts';
import { createBrowserRtc } from '../../../packages/freshet/src/browser/webrtc.ts';
import { hasherContract } from '../../../packages/freshet/src/engine/contracts/hasher.contract.ts';
import { linkContract } from '../../../packages/freshet/src/engine/contracts/link.contract.ts';
import type { Link, LinkHandler, RtcAttempt } from '../../../packages/freshet/src/engine/ports.ts';
import { byteAt, code, linkPair, pattern } from './ports-common.ts';
import type { WorkerHarness } from './ports-worker.ts';
import { type CaseResult, runCases } from './vitest-in-page.ts';

/** Candidates of this machine are enough. */
const [toPage, toEngine] = localPipe();
new RtcPeers(toEngine, { iceServers: [] });
const rtc = createBrowserRtc(toPage);

/** What the worker of this page can do. */
const worker = startWorker();

type InWorker = {
  [Name in keyof WorkerHarness]: (
    ...args: Parameters<WorkerHarness[Name]>
  ) => Promise<Awaited<ReturnType<WorkerHarness[Name]>>>;
};

function startWorker(): InWorker {
  const calls = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  const started = new Worker('ports-worker.js', { type: 'module' });
  started.onmessage = ({ data: { id, result, error } }) => {
    const call = calls.get(id)!;
    calls.delete(id);
    if (error === undefined) call.resolve(result as never);
    else call.reject(new Error(error));
  };
  const [moving, forwarding] = [new MessageChannel(), new MessageChannel()];
  new RtcPeers(portOf(moving.port1), { iceServers: [] });
  new RtcPeers(keepingChannels(portOf(forwarding.port1)), { iceServers: [] });
  started.postMessage({ ports: [moving.port2, forwarding.port2] }, [moving.port2, forwarding.port2]);
  return new Proxy({} as InWorker, {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          const id = calls.size === 0 ? 1 : Math.max(...calls.keys()) + 1;
          calls.set(id, { resolve, reject });
          started.postMessage({ id, name, args });
        }),
  });
}

/** As in a browser that can move no channel to a worker. */
function keepingChannels(port: Port): Port {
  return {
    get onMessage() {
      return port.onMessage;
    },
    set onMessage(listener) {
      port.onMessage = listener;
    },
    post: (message, transfer) => {
      if (transfer?.some((object) => object instanceof RTCDataChannel))
        throw new DOMException('could not be cloned', 'DataCloneError');
      port.post(message, transfer);
    },
    close: () => port.close(),
  };
}

async function contracts(): Promise<CaseResult[]> {
  linkContract('WebRTC in the page', () => linkPair(rtc));
  hasherContract('WebCrypto', () => ({ hasher: createBrowserHasher() }));
  return [...(await runCases()), ...(await worker.contracts())];
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

const harness = {
  contracts,
  endAfter,
  cancelled,
  worker,
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
