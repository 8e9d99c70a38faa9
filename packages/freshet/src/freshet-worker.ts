/**
 * `freshet-worker.js`: the engine. A page runs it as a module worker of its own, or imports it where it can have none.
 * It is the only one of a page's scripts that has the engine in it.
 */

import { browserClock } from './browser/clock.ts';
import { ENGINE_WORKER, type EngineReport, type EngineRequest } from './browser/engine-messages.ts';
import { type Port, portOf } from './browser/port.ts';
import { openDirectSession } from './engine.browser.ts';
import { type Connection, type ConnectOptions, SessionHost } from './session/host.ts';
import type { SessionPort } from './session/messages.ts';
import type { SessionSettings } from './session/protocol.ts';

/** An engine with clients. */
export interface HostedEngine {
  /** Closing the connection is for a client that is gone. */
  connect(port: SessionPort, options?: ConnectOptions): Connection;
  /** Resolves when everything is released. */
  close(): Promise<void>;
}

/**
 * Starts an engine in this thread.
 * @param rtc leads to the `RtcPeers` of a page; absent for no WebRTC.
 */
export function hostEngine(settings: SessionSettings, rtc: Port | undefined): HostedEngine {
  const host = new SessionHost(openDirectSession(settings, rtc), { clock: browserClock });
  return {
    connect: (port, options) => host.connect(port, options),
    close: () => host.close(),
  };
}

function runWorker(): void {
  let engine: HostedEngine | undefined;
  const report = (message: EngineReport): void => postMessage(message);
  const obey = (request: EngineRequest): void => {
    switch (request.freshet) {
      case 'start':
        engine = hostEngine(request.settings, request.rtc && portOf(request.rtc));
        engine.connect(portOf(request.session));
        report({ freshet: 'started' });
        return;
      case 'connect':
        engine?.connect(portOf(request.session));
        return;
      case 'end':
        void (engine?.close() ?? Promise.resolve()).finally(() => report({ freshet: 'ended' }));
    }
  };
  addEventListener('message', ({ data }: MessageEvent<EngineRequest>) => {
    try {
      obey(data);
    } catch (error) {
      report({ freshet: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  });
}

// A page that imports this may have any name.
if (typeof document === 'undefined' && (globalThis as { readonly name?: string }).name === ENGINE_WORKER)
  runWorker();
