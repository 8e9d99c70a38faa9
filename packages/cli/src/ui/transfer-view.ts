/** A torrent's progress as lines of text. Pure: a snapshot in, lines out. */

import { count, formatBytes, formatDuration, formatPercent, formatSpeed } from './format.ts';
import { type FileLine, peerCount, type TransferSnapshot } from './snapshot.ts';
import { pad, padStart, printable, shorten } from './text.ts';
import { bar, type Theme } from './theme.ts';

export interface ViewSize {
  readonly columns: number;
  /** Most lines. */
  readonly rows: number;
}

/** Columns: a bar longer than this says no more. */
const LONGEST_BAR = 50;

const TRANSPORT_NAMES: Readonly<Record<string, string>> = { tcp: 'TCP', webrtc: 'WebRTC', utp: 'uTP' };

/** The live display. */
export function transferLines(snapshot: TransferSnapshot, size: ViewSize, theme: Theme): string[] {
  const width = size.columns - 1;
  const lines = [theme.bold(shorten(printable(snapshot.name), width)), stateLine(snapshot, width, theme)];
  lines.push(...trafficLines(snapshot, width, theme));
  // One row stays for the cursor below the display.
  const room = size.rows - lines.length - 1;
  if (snapshot.files.length > 1 && room >= 2) lines.push(...fileLines(snapshot.files, width, room, theme));
  return lines;
}

function stateLine(snapshot: TransferSnapshot, width: number, theme: Theme): string {
  const { phase, progress, verified, wanted } = snapshot;
  if (phase === 'metadata') return theme.dim('Looking for peers that have the metadata');
  const percent = formatPercent(progress);
  const amount =
    phase === 'checking'
      ? 'checking what is there'
      : progress >= 1
        ? formatBytes(wanted)
        : `${formatBytes(verified)} of ${formatBytes(wanted)}`;
  const text = `${padStart(percent, 6)}  ${amount}`;
  const columns = Math.min(LONGEST_BAR, width - text.length - 1);
  return columns < 5 ? text : `${bar(progress, columns, theme)} ${text}`;
}

/** One line where it fits, else two. */
function trafficLines(snapshot: TransferSnapshot, width: number, theme: Theme): string[] {
  const { phase, downloadSpeed, uploadSpeed, uploaded, remaining } = snapshot;
  if (phase === 'checking' || phase === 'stopped') return [];
  const [down, up] = theme.unicode ? ['↓', '↑'] : ['down', 'up'];
  const speeds: string[] = [];
  if (phase === 'downloading') speeds.push(`${down} ${formatSpeed(downloadSpeed)}`);
  if (phase !== 'metadata') speeds.push(`${up} ${formatSpeed(uploadSpeed)}`);
  if (phase === 'seeding') speeds.push(`${formatBytes(uploaded)} given`);
  const eta = phase !== 'downloading' ? '' : etaText(remaining);
  const peers = peersText(snapshot);
  const whole = [...speeds, peers, eta].filter((text) => text !== '').join('   ');
  if (whole.length <= width)
    return [theme.accent(speeds.join('   ')) + whole.slice(speeds.join('   ').length)];
  return [
    [theme.accent(speeds.join('   ')), eta].filter((text) => text !== '').join('   '),
    shorten(peers, width),
  ];
}

function etaText(remaining: number): string {
  return Number.isFinite(remaining) ? `${formatDuration(remaining)} left` : 'waiting for data';
}

/** `3 peers (2 TCP, 1 WebRTC), 1 web seed`. */
export function peersText(snapshot: TransferSnapshot): string {
  const total = peerCount(snapshot);
  const kinds = Object.entries(snapshot.peers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([transport, number]) => `${number} ${TRANSPORT_NAMES[transport] ?? transport}`);
  const peers = total === 0 ? 'no peers' : `${count(total, 'peer')} (${kinds.join(', ')})`;
  const { known } = snapshot.webSeeds;
  return known === 0 ? peers : `${peers}, ${count(known, 'web seed')}`;
}

/** What is on its way first, then what waits; complete files are counted. */
function fileLines(files: readonly FileLine[], width: number, room: number, theme: Theme): string[] {
  const complete = files.filter(({ done, length }) => done >= length);
  const open = files.filter(({ done, length }) => done < length);
  const order = [
    ...open.filter(({ done }) => done > 0),
    ...open.filter(({ done }) => done === 0),
    ...complete,
  ];
  const shown = order.length <= room ? order : order.slice(0, room - 1);
  const numberWidth = String(files.at(-1)!.number).length;
  const lines = shown.map((file) => fileLine(file, numberWidth, width, theme));
  if (shown.length < order.length) {
    const left = order.length - shown.length;
    const hiddenDone = order.slice(shown.length).filter(({ done, length }) => done >= length).length;
    lines.push(
      theme.dim(`and ${count(left, 'file')} more${hiddenDone > 0 ? `, ${hiddenDone} complete` : ''}`),
    );
  }
  return lines;
}

function fileLine(file: FileLine, numberWidth: number, width: number, theme: Theme): string {
  const fraction = file.length === 0 ? 1 : file.done / file.length;
  const head = `${padStart(String(file.number), numberWidth)}  ${padStart(formatPercent(fraction), 6)}  `;
  const size = padStart(formatBytes(file.length), 8);
  const nameWidth = Math.max(8, width - head.length - size.length - 2);
  const line = `${head}${pad(shorten(printable(file.path), nameWidth), nameWidth)}  ${size}`;
  return fraction >= 1 ? theme.dim(line) : line;
}

/** One line for logs and pipes. */
export function transferText(snapshot: TransferSnapshot): string {
  const { phase, progress, verified, wanted, downloadSpeed, uploadSpeed, uploaded, remaining } = snapshot;
  const peers = peersText(snapshot);
  switch (phase) {
    case 'metadata':
      return `waiting for metadata, ${peers}`;
    case 'checking':
      return `checking ${formatPercent(progress)}`;
    case 'seeding':
    case 'stopped':
      return `seeding, up ${formatSpeed(uploadSpeed)}, ${formatBytes(uploaded)} given, ${peers}`;
    case 'downloading':
      return [
        `${formatPercent(progress)} (${formatBytes(verified)} of ${formatBytes(wanted)})`,
        `down ${formatSpeed(downloadSpeed)}`,
        `up ${formatSpeed(uploadSpeed)}`,
        peers,
        etaText(remaining),
      ].join(', ');
  }
}

/** Hashing, and whatever else has only a length. */
export function hashingLines(
  name: string,
  state: { readonly done: number; readonly total: number; readonly speed: number },
  size: ViewSize,
  theme: Theme,
): string[] {
  const width = size.columns - 1;
  const fraction = state.total === 0 ? 1 : state.done / state.total;
  const text = `${padStart(formatPercent(fraction), 6)}  ${formatBytes(state.done)} of ${formatBytes(state.total)}  ${formatSpeed(state.speed)}`;
  const columns = Math.min(LONGEST_BAR, width - text.length - 1);
  return [
    theme.bold(shorten(`Hashing ${printable(name)}`, width)),
    columns < 5 ? text : `${bar(fraction, columns, theme)} ${text}`,
  ];
}
