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

/** Text from outside as one bounded line without control characters. */
function line(text: string): string {
  const clean = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return clean.length > MAX_QUOTED ? `${clean.slice(0, MAX_QUOTED)}...` : clean;
}

/** Text from a tracker, made fit to be quoted in a sentence. */
export function quoted(text: string): string {
  return `"${line(text)}"`;
}

/** A platform's reason why `address`, as it was asked, cannot be had: made fit to end a sentence about the tracker at `url`. */
export function clause(text: string, url: string, address: string = url): string {
  // Addresses hold pass keys, and the sentence has named the tracker.
  const bare = text.replaceAll(address, trackerName(url)).replaceAll(url, trackerName(url));
  return line(bare).replace(/[.\s]+$/, '');
}

/** A tracker's refusal in one sentence. */
export function refusalSentence(url: string, reason: string): string {
  return `The tracker ${trackerName(url)} refused: ${quoted(reason)}.`;
}
