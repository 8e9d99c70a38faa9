/** One answer of the service worker, whichever tabs its bytes come from. */

import type { FileRequestMessage } from './file-protocol.ts';
import { findTab, type Head, type Tab, TabError } from './service-worker-tab.ts';

/** For a tab to begin its answer: metadata may have to come from a peer first. */
const HEAD_LIMIT = 30_000;

const SILENT = 'No tab with this torrent answers; open the page that downloads it, then try again.';
const UNKNOWN = 'No open tab has this torrent; open the page that downloads it, then try again.';

/** Answers with the bytes of a tab. When it goes away in the middle, another one that has the torrent goes on. */
export async function answerFrom(
  message: FileRequestMessage,
  askerId: string,
  signal: AbortSignal,
): Promise<Response> {
  const failed = new Set<string>();
  let tab: Tab | undefined;
  let head: Head | undefined;
  let sent = 0;
  let cancelled = false;
  const cancel = (): void => {
    cancelled = true;
    tab?.cancel();
  };
  // The player has gone, by a seek or for good.
  signal.addEventListener('abort', cancel, { once: true });

  /** Has the next tab go on behind what has been sent. Throws a refusal when there is none. */
  const open = async (): Promise<Head> => {
    let problem: string | undefined;
    for (;;) {
      const found = await findTab(message, askerId, failed);
      if (found === 'silent') throw refusal(503, problem ?? SILENT);
      if (found === 'unknown') throw problem === undefined ? refusal(404, UNKNOWN) : refusal(503, problem);
      tab = found;
      failed.add(tab.id);
      try {
        if (cancelled) tab.cancel();
        const opened = await tab.open(sent, HEAD_LIMIT);
        if (!opened) throw refusal(404, 'The torrent has no such file.');
        // Bytes of something else must not be put behind the first ones.
        if (!head || String(head.headers) === String(opened.headers)) return opened;
        tab.cancel();
      } catch (error) {
        if (cancelled || !(error instanceof TabError)) throw error;
        problem = error.message;
        tab.cancel();
      }
    }
  };

  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      try {
        return await tab!.pull();
      } catch (error) {
        if (cancelled) throw error;
        await open();
      }
    }
  };

  const first = await open().catch((error: unknown) => {
    if (error instanceof Response) return error;
    throw error;
  });
  if (first instanceof Response) return first;
  head = first;
  const { status, headers, body } = first;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await next().catch(async (error: unknown) => {
        throw error instanceof Response ? new Error(await error.text()) : error;
      });
      if (!chunk) {
        controller.close();
        return;
      }
      sent += chunk.length;
      controller.enqueue(chunk);
    },
    cancel,
  });
  return new Response(body ? stream : null, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
}

function refusal(status: 404 | 503, sentence: string): Response {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };
  return new Response(sentence, { status, headers });
}
