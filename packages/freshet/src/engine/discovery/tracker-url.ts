import type { TrackerKind } from './timing.ts';

/** What kind of tracker is at `url`; `undefined` if it is none that can be asked. */
export function trackerKind(url: string): TrackerKind | undefined {
  const scheme = /^([a-z]+):\/\/[^/\s?#]+[^\s]*$/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return 'http';
  if (scheme === 'ws' || scheme === 'wss') return 'ws';
  return undefined;
}

/**
 * Scheme, host and port: how a tracker is named in sentences. The path of a private tracker holds the user's
 * pass key, which must not end up in a log or a bug report.
 */
export function trackerName(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^/?#@\s]*@)?([^/?#\s]+)/i.exec(url);
  return match === null ? 'with an unreadable address' : `${match[1]}${match[2]}`;
}

/** `url` as used to tell trackers apart: scheme and host in lower case, no blanks around it. */
export function canonicalTrackerUrl(url: string): string {
  return url.trim().replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, (origin) => origin.toLowerCase());
}

const MAX_QUOTED = 200;

/** Text from a tracker, made fit to be quoted in a sentence: one line, bounded, no control characters. */
export function quoted(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return `"${line.length > MAX_QUOTED ? `${line.slice(0, MAX_QUOTED)}...` : line}"`;
}
