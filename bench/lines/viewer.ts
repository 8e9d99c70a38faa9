/**
 * A viewer on a real line: the library as a program uses it, and the simulator's player in real time. Argument: its task
 * as JSON. Prints one line of JSON when the film is over or the tab would be closed, and ends.
 */

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import Client, { type File } from 'freshet';
import { type Film, type FilmSource, Playback } from 'freshet-simulator';

interface Task {
  readonly torrentFile: string;
  readonly folder: string;
  readonly film: Film;
  /** Milliseconds. */
  readonly stay: number | undefined;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const metainfo = await readFile(task.torrentFile);
// Loaded and warm, as a page is whose script is there: the clock starts when the parent says so.
process.stdout.write('ready\n');
await new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));

const clock = {
  now: (): number => performance.now(),
  wallTime: (): number => Date.now(),
  setTimer: (delay: number, callback: () => void): { cancel(): void } => {
    const timer = setTimeout(callback, delay);
    return { cancel: () => clearTimeout(timer) };
  },
};
const begun = clock.now();
const client = new Client({ tcp: false, tracker: { rtcConfig: { iceServers: [] } } });
client.on('error', (error) => process.stderr.write(`${error.message}\n`));
const torrent = client.add(metainfo, { path: task.folder });
torrent.on('warning', (warning) => process.stderr.write(`${warning.message}\n`));
await torrent.untilReady();
const file = torrent.files[0]!;

function sourceOf(of: File): FilmSource {
  return {
    open: (position, onBytes, onEnd) => {
      let closed = false;
      let goOn: (() => void) | undefined;
      let paused = false;
      const bytes = of[Symbol.asyncIterator]({ start: position });
      void (async (): Promise<void> => {
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
      })().catch((error: Error) => {
        if (!closed) process.stderr.write(`${error.message}\n`);
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

const playback = new Playback(clock, task.film, sourceOf(file), { onOver: () => void leave() }, begun);
if (task.stay !== undefined) clock.setTimer(task.stay, () => void leave());
let left = false;

async function leave(): Promise<void> {
  if (left) return;
  left = true;
  playback.close();
  const { startupMs, stalls, stalledMs, watchedMs } = playback;
  const { received, stats, uploaded } = torrent;
  process.stdout.write(
    `${JSON.stringify({ startupMs, stalls, stalledMs, watchedMs, received, http: stats.received['webseed'], uploaded })}\n`,
  );
  await client.destroy();
  process.exit(0);
}
