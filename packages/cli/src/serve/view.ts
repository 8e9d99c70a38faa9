/** A site in numbers, as its display and `/api/stats.json` show them. */

import type { TrackerStats } from 'freshet-tracker';
import { count, formatBytes, formatSpeed } from '../ui/format.ts';
import type { CliEvent } from '../ui/json.ts';
import type { Theme } from '../ui/theme.ts';
import type { Traffic } from './traffic.ts';
import type { WebSeedCounters } from './web-seed.ts';

export interface SiteNumbers {
  readonly traffic: Traffic;
  /** Absent when there is no web seed. */
  readonly webSeed: Readonly<WebSeedCounters> | undefined;
  readonly tracker: TrackerStats;
}

export function siteLines(numbers: SiteNumbers, theme: Theme): string[] {
  const { traffic, webSeed, tracker } = numbers;
  const up = theme.unicode ? '↑' : 'up';
  const { tcp, webrtc } = traffic.peers;
  const lines = [
    '',
    `${theme.accent(`${up} ${formatSpeed(traffic.speed)}`)}   ${count(tcp + webrtc, 'peer')} (${webrtc} WebRTC, ${tcp} TCP)`,
    `Given     ${formatBytes(traffic.webrtc)} over WebRTC, ${formatBytes(traffic.tcp)} over TCP`,
  ];
  if (webSeed !== undefined) {
    lines.push(`Web seed  ${formatBytes(webSeed.bytes)} in ${count(webSeed.requests, 'request')}`);
  }
  const { webrtc: browsers, address: classic, totals } = tracker;
  lines.push(
    `Tracker   ${browsers.peers} WebRTC and ${classic.peers} TCP announced, ${count(totals.offers, 'offer')} relayed`,
  );
  return lines;
}

export function siteText({ traffic, webSeed, tracker }: SiteNumbers): string {
  const { tcp, webrtc } = traffic.peers;
  const parts = [
    `${count(tcp + webrtc, 'peer')} (${webrtc} WebRTC, ${tcp} TCP)`,
    `given ${formatBytes(traffic.webrtc)} over WebRTC and ${formatBytes(traffic.tcp)} over TCP`,
  ];
  if (webSeed !== undefined) parts.push(`web seed ${formatBytes(webSeed.bytes)}`);
  parts.push(`tracker ${count(tracker.peers, 'peer')}`);
  return parts.join(', ');
}

export function siteEvent(numbers: SiteNumbers): CliEvent {
  return { event: 'stats', ...siteStats(numbers) };
}

/** `/api/stats.json`. */
export function siteStats({ traffic, webSeed, tracker }: SiteNumbers): Omit<CliEvent, 'event'> {
  return {
    uptime: Math.floor(tracker.uptime),
    /** Payload bytes sent to peers, by transport. */
    upload: { tcp: traffic.tcp, webrtc: traffic.webrtc, total: traffic.total },
    uploadSpeed: Math.round(traffic.speed),
    peers: { ...traffic.peers },
    webSeed: webSeed === undefined ? null : { ...webSeed },
    tracker: {
      swarms: tracker.swarms,
      peers: tracker.peers,
      seeds: tracker.seeds,
      webrtc: { ...tracker.webrtc },
      address: { ...tracker.address },
      connections: tracker.connections,
      totals: { ...tracker.totals },
    },
  };
}
