/** Starts a worker for an engine, and ends it. */

import type { EngineReport, EngineRequest } from './engine-messages.ts';
import type { EngineShare, LocalEngine, StartedEngine } from './local-engine.ts';
import { portOf } from './port.ts';
import { RtcPeers, type RtcPeersOptions } from './rtc-peers.ts';

/** A worker that says nothing for so long was kept from starting; loading it may take its time. */
const START_LIMIT = 30_000;
/** Trackers are told of the end, and what is not written yet is written. */
const END_LIMIT = 10_000;

export interface EngineWorkerOptions {
  /** May throw, as where the page's policy forbids workers. */
  readonly makeWorker: () => Worker;
  /** Clonable. */
  readonly settings: object;
  /** Absent: no WebRTC. */
  readonly rtc: RtcPeersOptions | undefined;
  /** Absent: it is for this page alone. */
  readonly share: EngineShare | undefined;
}

/** Calls back later, and once. */
export function startEngineWorker(options: EngineWorkerOptions, started: StartedEngine): LocalEngine {
  return new EngineWorker(options, started);
}

class EngineWorker implements LocalEngine {
  readonly #started: StartedEngine;
  readonly #session = new MessageChannel();
  #worker: Worker | undefined;
  #peers: RtcPeers | undefined;
  #limit: ReturnType<typeof setTimeout> | undefined;
  #state: 'starting' | 'running' | 'ending' | 'ended' = 'starting';
  #ending: Promise<void> | undefined;
  #onEnded: () => void = () => undefined;

  constructor({ makeWorker, settings, rtc, share }: EngineWorkerOptions, started: StartedEngine) {
    this.#started = started;
    try {
      const worker = makeWorker();
      this.#worker = worker;
      worker.onmessage = ({ data }: MessageEvent<EngineReport>) => this.#hear(data);
      worker.onerror = (event) => {
        // Once it runs, the browser has shown what nobody has caught, and the engine goes on.
        if (this.#state !== 'starting') return;
        event.preventDefault();
        this.#fail(new Error(event.message || 'the worker could not be loaded'));
      };
      const rtcChannel = rtc && new MessageChannel();
      if (rtcChannel) this.#peers = new RtcPeers(portOf(rtcChannel.port1), rtc);
      const session = this.#session.port2;
      this.#ask({ freshet: 'start', settings, share, session, rtc: rtcChannel?.port2 }, [
        session,
        ...(rtcChannel ? [rtcChannel.port2] : []),
      ]);
      this.#limit = setTimeout(() => this.#fail(new Error('the worker does not start')), START_LIMIT);
      this.#peers?.prepare();
    } catch (error) {
      queueMicrotask(() => this.#fail(error));
    }
  }

  close(): Promise<void> {
    this.#ending ??= new Promise((resolve) => {
      if (this.#state === 'ended') {
        resolve();
        return;
      }
      this.#state = 'ending';
      clearTimeout(this.#limit);
      this.#onEnded = resolve;
      this.#limit = setTimeout(() => this.kill(), END_LIMIT);
      this.#ask({ freshet: 'end' }, []);
    });
    return this.#ending;
  }

  kill(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#limit);
    this.#worker?.terminate();
    this.#peers?.close();
    this.#session.port1.close();
    this.#onEnded();
  }

  givePipe(channel: string, port: MessagePort): void {
    this.#ask({ freshet: 'pipe', channel, port }, [port]);
  }

  #ask(request: EngineRequest, transfer: Transferable[]): void {
    this.#worker?.postMessage(request, transfer);
  }

  #hear(report: EngineReport): void {
    if (report.freshet === 'started' && this.#state === 'starting') {
      this.#state = 'running';
      clearTimeout(this.#limit);
      this.#started.onReady(portOf(this.#session.port1));
    } else if (report.freshet === 'failed') {
      this.#fail(new Error(report.reason));
    } else if (report.freshet === 'ended' && this.#state === 'ending') {
      this.#onEnded();
      // Links say their goodbyes from the worker, behind what they have queued.
      if (this.#peers === undefined) this.kill();
      else this.#peers.whenIdle(() => this.kill());
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== 'starting') return;
    this.kill();
    this.#started.onFailure(error);
  }
}
