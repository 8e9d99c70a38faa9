/** Ports between an engine and the world that fail when their turn has come, each as its contract lets it. */

import {
  type Clock,
  type Disk,
  DiskError,
  type DiskErrorCode,
  type Hasher,
  type HttpClient,
  type Ports,
  type StateStore,
  type Timer,
} from 'freshet/engine';
import type { CallKind, Calls } from './calls.ts';
import { faultyDialer, faultyListener, faultyRtc } from './faulty-links.ts';
import { faultySockets } from './faulty-sockets.ts';

/** Milliseconds by which a timer that fails fires late: a laptop's lid, a tab in the background. */
const LATE_TIMER = 30_000;
/** Milliseconds after which a hasher that fails late answers. */
const LATE_HASH = 5000;

/** A clock that knows which of its timers are set. */
export interface WatchedClock extends Clock {
  /** Timers that were set and have neither fired nor been cancelled. */
  readonly live: number;
}

export interface FaultyPorts extends Ports {
  readonly clock: WatchedClock;
}

/** All ports of one engine, random numbers left alone. Several engines may share `calls`, as runs of one program. */
export function faultyPorts(ports: Ports, calls: Calls): FaultyPorts {
  const { clock, dialer, listener, rtc } = ports;
  return {
    clock: faultyClock(clock, calls),
    random: ports.random,
    hasher: faultyHasher(ports.hasher, clock, calls),
    http: faultyHttp(ports.http, clock, calls),
    sockets: faultySockets(ports.sockets, clock, calls),
    dialer: dialer && faultyDialer(dialer, clock, calls),
    listener: listener && faultyListener(listener, clock, calls),
    rtc: rtc && faultyRtc(rtc, clock, calls),
  };
}

export function faultyClock(clock: Clock, calls: Calls): WatchedClock {
  const live = new Set<Timer>();
  return {
    get live(): number {
      return live.size;
    },
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer: (delay, callback) => {
      const late = calls.next('timer') ? LATE_TIMER : 0;
      const inner = clock.setTimer(delay + late, () => {
        live.delete(timer);
        callback();
      });
      const timer: Timer = {
        cancel: () => {
          live.delete(timer);
          inner.cancel();
        },
      };
      live.add(timer);
      return timer;
    },
  };
}

export function faultyHasher(hasher: Hasher, clock: Clock, calls: Calls): Hasher {
  /** A digest on its way to whoever asked. */
  const through =
    (kind: CallKind, done: (digest: Uint8Array) => void): ((digest: Uint8Array) => void) =>
    (digest) => {
      if (!calls.next(kind)) done(digest);
      else if (calls.fault?.hash === 'late') clock.setTimer(LATE_HASH, () => done(digest));
      else done(wrong(digest));
    };
  return {
    prefixSha1: (buffer) => {
      const prefix = hasher.prefixSha1(buffer);
      return {
        advance: (end) => prefix.advance(end),
        finish: (done) => prefix.finish(through('sha1-piece', done)),
      };
    },
    sha1: async (data) => {
      const digest = await hasher.sha1(data);
      return new Promise((resolve) => through('sha1', resolve)(digest));
    },
    sha256: (data, done) => hasher.sha256(data, through('sha256', done)),
  };
}

function wrong(digest: Uint8Array): Uint8Array {
  const changed = digest.slice();
  changed[0] = changed[0]! ^ 1;
  return changed;
}

export function faultyHttp(http: HttpClient, clock: Clock, calls: Calls): HttpClient {
  return {
    get: (request, handler) => {
      if (calls.next('http')) {
        const timer = clock.setTimer(0, () =>
          handler.onError(new Error(`No web server answers at ${request.url}.`)),
        );
        return { pause: () => {}, resume: () => {}, abort: () => timer.cancel() };
      }
      const exchange = http.get(request, {
        onHead: (head) => handler.onHead(head),
        onData: (chunk) => {
          if (!calls.next('body')) {
            handler.onData(chunk);
            return;
          }
          exchange.abort();
          handler.onError(new Error(`The connection to ${request.url} was broken.`));
        },
        onEnd: () => handler.onEnd(),
        onError: (error) => handler.onError(error),
      });
      return exchange;
    },
  };
}

/** The storage of a torrent that is opened by `open`, each of its calls counted. */
export async function openFaultyDisk(open: () => Disk | Promise<Disk>, calls: Calls): Promise<Disk> {
  const odd = (calls.fault?.at ?? 0) % 2 === 1;
  const pass = (kind: CallKind, code: DiskErrorCode): void => {
    if (calls.next(kind)) throw new DiskError(code, 'sample', `${kind} of sample is impossible: ${code}.`);
  };
  pass('open', 'IO');
  const disk = await open();
  const { changedFiles, allocate, trim } = disk;
  return {
    length: disk.length,
    read: async (offset, into) => {
      pass('read', odd ? 'CHANGED' : 'IO');
      return disk.read(offset, into);
    },
    write: async (offset, parts) => {
      pass('write', odd ? 'FULL' : 'IO');
      return disk.write(offset, parts);
    },
    setWanted: (wanted) => disk.setWanted(wanted),
    flush: async () => {
      pass('flush', 'IO');
      return disk.flush();
    },
    fingerprints: async () => {
      pass('stat', 'IO');
      return disk.fingerprints();
    },
    changedFiles: changedFiles && ((limit) => changedFiles.call(disk, limit)),
    allocate: allocate && ((onProgress) => allocate.call(disk, onProgress)),
    trim: trim && (() => trim.call(disk)),
    close: async () => {
      await disk.close();
      pass('close', 'IO');
    },
    destroy: () => disk.destroy(),
  };
}

export function faultyState(state: StateStore, calls: Calls): StateStore {
  const pass = (kind: CallKind): void => {
    if (calls.next(kind)) throw new Error(`${kind} of resume data is impossible.`);
  };
  return {
    load: async (key) => {
      pass('load');
      return state.load(key);
    },
    save: async (key, value) => {
      pass('save');
      return state.save(key, value);
    },
    remove: (key) => state.remove(key),
  };
}
