/** Ctrl-C: the first one ends the command cleanly, the second one at once. */

import { ExitCode } from './exit.ts';

/** Milliseconds for saving and for telling trackers. A tracker that does not answer must not keep the user waiting. */
const PATIENCE = 5_000;

const CODES = {
  SIGINT: ExitCode.interrupted,
  SIGTERM: ExitCode.terminated,
  SIGHUP: ExitCode.terminated,
} as const;

export interface Interrupt {
  /** Fires with the first Ctrl-C, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Set once `signal` has fired. */
  readonly exitCode: number | undefined;
  /** Resolves with the exit code when it fires. */
  readonly fired: Promise<number>;
  /** Ends the command as Ctrl-C does. */
  trigger(): void;
  /** Called right before the process ends at once, to put the terminal right. */
  onExit(listener: () => void): void;
  /** Stops listening: from now on Ctrl-C is Node's own. */
  close(): void;
}

export function catchInterrupts(): Interrupt {
  const controller = new AbortController();
  const exits: (() => void)[] = [];
  let exitCode: number | undefined;
  let patience: NodeJS.Timeout | undefined;
  const exit = (code: number): void => {
    for (const listener of exits) listener();
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = CODES[signal as keyof typeof CODES];
    if (exitCode !== undefined) exit(code);
    exitCode = code;
    patience = setTimeout(() => exit(code), PATIENCE);
    patience.unref();
    controller.abort();
  };
  for (const signal of Object.keys(CODES)) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    fired: new Promise((resolve) => {
      controller.signal.addEventListener('abort', () => resolve(exitCode!), { once: true });
    }),
    trigger: () => onSignal('SIGINT'),
    onExit: (listener) => void exits.push(listener),
    close() {
      clearTimeout(patience);
      for (const signal of Object.keys(CODES)) process.off(signal, onSignal);
    },
  };
}
