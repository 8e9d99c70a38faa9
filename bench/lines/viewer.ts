/**
 * A viewer on a real line: the library as a program uses it, or a plain HTTP request, and the simulator's player in real
 * time. Argument: its task as JSON. Prints `ready`, begins when it reads a line, prints one line of JSON when the film is
 * over, and stays until it is ended.
 */

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import Client, { type File } from 'freshet';
import { type Film, type FilmSource, httpSource, Playback, type Policy } from 'freshet-simulator';
import { NodeHttpClient } from '../../packages/freshet/src/node/http.ts';
import { COURSE_MS, type Felt } from './felt.ts';

export interface Task {
  /** `freshet`, or `http`. */
  readonly policy: Policy;
  readonly url: string;
  readonly torrentFile: string;
  readonly folder: string;
  readonly film: Film;
}

type Counted = Pick<Felt, 'fromPeers' | 'fromHttp' | 'uploaded' | 'pieceMs' | 'peerMs' | 'peers'>;

interface Source {
  readonly film: FilmSource;
  counted(): Counted;
  close(): Promise<void>;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const metainfo = await readFile(task.torrentFile);
const clock = {
  now: (): number => performance.now(),
  wallTime: (): number => Date.now(),
  setTimer: (delay: number, callback: () => void): { cancel(): void } => {
    const timer = setTimeout(callback, delay);
    return { cancel: () => clearTimeout(timer) };
  },
};
const complain = (error: Error): void => void process.stderr.write(`${error.message}\n`);

// Loaded and warm, as a page is whose script is there: the clock starts when the parent says so.
process.stdout.write('ready\n');
await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));
const begun = clock.now();
const cpuAtBegin = process.cpuUsage();
const source = task.policy === 'http' ? plainSource() : await torrentSource();
const course: [number, number][] = [];
const noting = setInterval(() => {
  const { fromPeers, fromHttp } = source.counted();
  course.push([fromPeers, fromHttp]);
}, COURSE_MS);
const playback = new Playback(clock, task.film, source.film, { onOver: () => void leave() }, begun);

async function leave(): Promise<void> {
  clearInterval(noting);
  playback.close();
  const { startupMs, stalls, stalledMs, watchedMs } = playback;
  const { user, system } = process.cpuUsage(cpuAtBegin);
  const cpuMs = (user + system) / 1000;
  const felt: Felt = { startupMs, stalls, stalledMs, watchedMs, ...source.counted(), cpuMs, course };
  await source.close();
  process.stdout.write(`${JSON.stringify(felt)}\n`);
}

function plainSource(): Source {
  const http = new NodeHttpClient();
  let fromHttp = 0;
  const film = httpSource(http, task.url, task.film.length, {
    onBytes: (count) => {
      fromHttp += count;
    },
    onError: complain,
  });
  const counted = (): Counted => ({
    fromPeers: 0,
    fromHttp,
    uploaded: 0,
    pieceMs: undefined,
    peerMs: undefined,
    peers: 0,
  });
  return { film, counted, close: () => Promise.resolve(http.close()) };
}

async function torrentSource(): Promise<Source> {
  const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
  client.on('error', complain);
  const torrent = client.add(metainfo, { path: task.folder });
  torrent.on('warning', complain);
  let pieceMs: number | undefined;
  let peerMs: number | undefined;
  let peers = 0;
  torrent.on('verified', () => {
    pieceMs ??= clock.now() - begun;
  });
  torrent.on('wire', () => {
    peerMs ??= clock.now() - begun;
    peers++;
  });
  await torrent.untilReady();
  return {
    film: sourceOf(torrent.files[0]!),
    counted: () => {
      const { uploaded, received } = torrent.stats;
      const { webrtc: fromPeers = 0, webseed: fromHttp = 0 } = received;
      return { fromPeers, fromHttp, uploaded, pieceMs, peerMs, peers };
    },
    close: () => client.destroy(),
  };
}

function sourceOf(of: File): FilmSource {
  return {
    open: (position, onBytes, onEnd) => {
      let closed = false;
      let goOn: (() => void) | undefined;
      let paused = false;
      const bytes = of[Symbol.asyncIterator]({ start: position });
      const read = async (): Promise<void> => {
        for (;;) {
          if (paused) {
            await new Promise<void>((resolve) => {
              goOn = resolve;
            });
          }
          const { done, value } = await bytes.next();
          if (closed) return;
          if (done === true) return onEnd();
          onBytes(value.length);
        }
      };
      read().catch((error: Error) => {
        if (!closed) complain(error);
      });
      return {
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
          goOn?.();
        },
        close: () => {
          closed = true;
          void bytes.return?.();
        },
      };
    },
  };
}
