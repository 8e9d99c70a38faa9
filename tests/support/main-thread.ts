/** What the main threads of Chromium's pages are busy with, from a trace. */

import type { TestBrowser } from './chromium.ts';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds; `tdur` is what the thread itself ran of them. */
  readonly dur?: number | undefined;
  readonly tdur?: number | undefined;
  readonly args: { readonly name?: string | undefined };
}

export interface MainThreadTasks {
  /**
   * The milliseconds of processor time that each task took. Not the time until it was over: on a busy machine that
   * says more about other programs.
   */
  stop(): Promise<number[]>;
}

/** Watches the main threads of all pages from now on. */
export async function mainThreadTasks({ context }: TestBrowser): Promise<MainThreadTasks> {
  const browser = context.browser();
  if (browser === null) throw new Error('this browser cannot be traced');
  await browser.startTracing(undefined, { categories: ['toplevel'] });
  return {
    stop: async () => {
      const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
        traceEvents: readonly TraceEvent[];
      };
      const key = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
      const main = new Set(
        traceEvents
          .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
          .map(key),
      );
      return traceEvents
        .filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && main.has(key(event)))
        .flatMap(({ tdur }) => (tdur === undefined ? [] : tdur / 1000));
    },
  };
}
