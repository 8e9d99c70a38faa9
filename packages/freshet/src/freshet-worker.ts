/**
 * `freshet-worker.js`: the engine. A page runs it as a module worker of its own, or imports it where it can have none.
 * It is the only one of a page's scripts that has the engine in it.
 */

import { browserClock } from './browser/clock.ts';
import { ENGINE_WORKER, type EngineReport, type EngineRequest } from './browser/engine-messages.ts';
import type { EngineShare } from './browser/local-engine.ts';
import { type Port, portOf } from './browser/port.ts';
import { openDirectSession } from './engine.browser.ts';
import { SessionHost } from './session/host.ts';
import type { SessionPort } from './session/messages.ts';
import type { SessionSettings } from './session/protocol.ts';
import { SharedHost } from './shared-host.browser.ts';

export interface HostOptions {
  readonly settings: SessionSettings;
  /** Leads to the `RtcPeers` of a page; absent for no WebRTC. */
  readonly rtc: Port | undefined;
  /** Absent: it is for one client alone. */
  readonly share: EngineShare | undefined;
  /** For the page's own client. */
  readonly client: SessionPort;
  readonly onReady: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** An engine with clients. */
export interface HostedEngine {
  /** A better way to the client of another tab that is on this channel. */
  givePipe(channel: string, port: MessagePort): void;
  /** Resolves when everything is released. */
  close(): Promise<void>;
}

/** Starts an engine in this thread: at once, or when no other tab of the site has one, if it is to be shared. */
export function hostEngine({ settings, rtc, share, client, onReady, onFailure }: HostOptions): HostedEngine {
  let host: SessionHost | undefined;
  const start = (): void => {
    try {
      host = new SessionHost(openDirectSession(settings, rtc), { clock: browserClock });
      host.connect(client);
      shared?.open(host);
      onReady();
    } catch (error) {
      onFailure(error);
    }
  };
  const shared = share && new SharedHost(share, start);
  if (shared === undefined) start();
  return {
    givePipe: (channel, port) => shared?.givePipe(channel, port),
    close: async () => {
      shared?.closeDoor();
      await host?.close();
      shared?.release();
    },
  };
}

function runWorker(): void {
  let engine: HostedEngine | undefined;
  const report = (message: EngineReport): void => postMessage(message);
  const fail = (error: unknown): void =>
    report({ freshet: 'failed', reason: error instanceof Error ? error.message : String(error) });
  const obey = (request: EngineRequest): void => {
    switch (request.freshet) {
      case 'start':
        engine = hostEngine({
          settings: request.settings,
          rtc: request.rtc && portOf(request.rtc),
          share: request.share,
          client: portOf(request.session),
          onReady: () => report({ freshet: 'started' }),
          onFailure: fail,
        });
        return;
      case 'pipe':
        engine?.givePipe(request.channel, request.port);
        return;
      case 'end':
        void (engine?.close() ?? Promise.resolve()).finally(() => report({ freshet: 'ended' }));
    }
  };
  addEventListener('message', ({ data }: MessageEvent<EngineRequest>) => {
    try {
      obey(data);
    } catch (error) {
      fail(error);
    }
  });
}

// A page that imports this may have any name.
if (typeof document === 'undefined' && (globalThis as { readonly name?: string }).name === ENGINE_WORKER)
  runWorker();
