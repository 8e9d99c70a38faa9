/**
 * Transfers on a real line. Prints `ready`, then one line of JSON for each line of JSON that it reads, until its input
 * ends. No two connections are used by two transfers.
 */

import { createInterface } from 'node:readline';
import type { Link } from 'freshet/engine';
import { NodeHttpClient } from '../../packages/freshet/src/node/http.ts';
import { NodeRtcConnector } from '../../packages/freshet/src/node/webrtc.ts';
import { offerLink, serveLink, type Times, timeHttp, timeLink } from './measure.ts';

export type Order =
  | { readonly what: 'http'; readonly url: string; readonly bytes: number }
  /** A small answer while a large one is on its way, after so many milliseconds. */
  | { readonly what: 'beside'; readonly url: string; readonly bytes: number; readonly after: number }
  | { readonly what: 'offer' }
  | { readonly what: 'answer'; readonly sdp: string }
  /** Gives the offerer the answer, waits until the link is open and asks for bytes. */
  | { readonly what: 'link'; readonly sdp: string; readonly bytes: number };

export interface Report {
  readonly sdp?: string | undefined;
  /** Milliseconds from the answer's arrival until the link was open. */
  readonly open?: number | undefined;
  readonly times?: Times | undefined;
  readonly beside?: Times | undefined;
}

const now = (): number => performance.now();
const rtc = new NodeRtcConnector({ iceServers: [] });
let accept: (sdp: string) => void = () => {};
let opened: (link: Link) => void = () => {};

function fetch(url: string, bytes: number): Promise<Times> {
  const http = new NodeHttpClient();
  return new Promise<Times>((resolve, reject) => {
    timeHttp(http, { url, bytes }, now, (times) => (times instanceof Error ? reject(times) : resolve(times)));
  }).finally(() => http.close());
}

async function follow(order: Order): Promise<Report> {
  switch (order.what) {
    case 'http':
      return { times: await fetch(order.url, order.bytes) };
    case 'beside': {
      const large = fetch(order.url, order.bytes);
      await new Promise((resolve) => setTimeout(resolve, order.after));
      const beside = await fetch(order.url, 1000);
      return { beside, times: await large };
    }
    case 'offer':
    case 'answer':
      return await new Promise<Report>((resolve, reject) => {
        accept = offerLink(rtc, order.what === 'answer' ? order.sdp : undefined, {
          describe: (sdp) => resolve({ sdp }),
          open: (link) => (order.what === 'answer' ? serveLink(link) : opened(link)),
          fail: reject,
        });
      });
    case 'link': {
      const begun = now();
      const link = new Promise<Link>((resolve) => {
        opened = resolve;
      });
      accept(order.sdp);
      const open = await link;
      const ready = now() - begun;
      const times = await new Promise<Times>((resolve) => timeLink(open, order.bytes, now, resolve));
      open.close();
      return { open: ready, times };
    }
  }
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await follow(JSON.parse(line) as Order))}\n`);
}
process.exit(0);
