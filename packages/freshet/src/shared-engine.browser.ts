/** A page's part in the one engine that the tabs of a site share: it is this tab's, or another one's. */

import { broadcastPort, hasBroadcast } from './browser/broadcast-port.ts';
import { browserClock } from './browser/clock.ts';
import { Leadership } from './browser/leadership.ts';
import { leadershipNames, leadershipPrefix } from './browser/leadership-messages.ts';
import type { EngineShare, LocalEngine, StartedEngine } from './browser/local-engine.ts';
import { acceptPipes, requestPipe } from './browser/pipe-broker.ts';
import { type Port, portOf } from './browser/port.ts';
import { SwitchingPort } from './browser/switching-port.ts';
import { webLocks } from './browser/web-locks.ts';
import { FreshetError, toFreshetError } from './session/errors.ts';
import { SESSION_PROTOCOL_VERSION } from './session/messages.ts';

export interface SharedEngineOptions {
  /** Folder in OPFS: who uses the same one shares its engine. */
  readonly folder: string;
  /** How this page wants the engine; clonable. */
  readonly settings: object;
  /** Starts an engine, in a worker or here. */
  readonly start: (share: EngineShare, started: StartedEngine) => LocalEngine;
  readonly onAttach: (port: Port) => void;
  readonly onDetach: () => void;
  readonly onWarning: (error: FreshetError) => void;
  /** No engine could be started. */
  readonly onFailure: (error: FreshetError) => void;
}

/** `undefined` where the browser has no locks or channels, as in pages without https: these have engines of their own. */
export function shareEngine(options: SharedEngineOptions): { close(): Promise<void> } | undefined {
  const locks = webLocks();
  if (locks === undefined || !hasBroadcast) return undefined;
  const { folder, settings, start, onAttach, onDetach, onWarning, onFailure } = options;
  const prefix = leadershipPrefix(folder, SESSION_PROTOCOL_VERSION);
  let local: LocalEngine | undefined;
  let warned = false;

  const leadership = new Leadership({
    names: leadershipNames(prefix),
    settings,
    locks,
    broadcast: broadcastPort,
    clock: browserClock,
    newName: () => crypto.randomUUID(),
    start: (engine, started) => {
      local = start({ prefix, engine, settings }, started);
      return local;
    },
    onAttach: (port, channel) => onAttach(channel === undefined ? port : faster(port, channel)),
    onDetach,
    onDiffering: (names) => {
      // The same again after each change of the leader.
      if (warned) return;
      warned = true;
      const list = names.join(', ');
      const sentence = `Another tab of this site runs the engine, with other settings than this one's: ${list}.`;
      onWarning(new FreshetError('SETTINGS_DIFFER', sentence));
    },
    onFailure: (error) => onFailure(toFreshetError(error)),
  });
  const refusePipes = acceptPipes(
    (channel) => leadership.role === 'leading' && channel.startsWith(`${prefix} `),
    (channel, port) => local?.givePipe(channel, port),
  );
  const stopWatching = watchPage(
    () => leadership.suspend(),
    () => leadership.join(),
  );
  leadership.join();
  return {
    close: () => {
      stopWatching();
      refusePipes();
      return leadership.leave();
    },
  };
}

/**
 * Browsers stop pages: one that was left and may be shown again, and on phones one in the background. With their locks
 * they would stop all other tabs as well, so they give them up until they go on.
 */
function watchPage(onStop: () => void, onGo: () => void): () => void {
  const hide = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) onStop();
  };
  const show = ({ persisted }: PageTransitionEvent): void => {
    if (persisted) onGo();
  };
  globalThis.addEventListener('pagehide', hide);
  globalThis.addEventListener('pageshow', show);
  document.addEventListener('freeze', onStop);
  document.addEventListener('resume', onGo);
  return () => {
    globalThis.removeEventListener('pagehide', hide);
    globalThis.removeEventListener('pageshow', show);
    document.removeEventListener('freeze', onStop);
    document.removeEventListener('resume', onGo);
  };
}

/** The channel, until the service worker has brought a message port. */
function faster(port: Port, channel: string): Port {
  const pipe = new SwitchingPort(port);
  const end = requestPipe(channel);
  if (end !== undefined) pipe.adopt(portOf(end), false);
  return pipe;
}
