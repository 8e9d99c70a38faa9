/** One line that says what is going on. */

import { count, formatPercent } from '../ui/format.ts';

export interface Situation {
  readonly state: 'metadata' | 'checking' | 'active' | 'paused' | 'failed' | 'closed';
  /** Stored data that has been looked at, 0 to 1. */
  readonly checked: number;
  readonly done: boolean;
  readonly peers: number;
  /** Peers from which something is coming now. */
  readonly giving: number;
  /** Peers to which something is going now. */
  readonly taking: number;
  readonly webSeedActive: boolean;
  /** The file that is shown is being played, and not paused. */
  readonly playing: boolean;
  /** Playback waits for bytes. */
  readonly stalled: boolean;
}

export function stateLine(now: Situation): string {
  switch (now.state) {
    case 'metadata':
      return now.peers === 0
        ? 'Looking for somebody who has it'
        : `Asking ${count(now.peers, 'peer')} what is in it`;
    case 'checking':
      return `Checking kept data: ${formatPercent(now.checked)}`;
    case 'paused':
      return 'Paused';
    case 'failed':
      return 'Stopped';
    case 'closed':
      return 'Ended';
    case 'active':
      return now.done ? whenDone(now) : whileLoading(now);
  }
}

function whenDone({ playing, taking }: Situation): string {
  const had = playing ? 'Playing, all of it is here' : 'All of it is here';
  return taking > 0 ? `${had}; giving to ${count(taking, 'viewer')}` : had;
}

function whileLoading({ playing, stalled, giving, peers, webSeedActive }: Situation): string {
  const sources = [
    ...(giving > 0 ? [count(giving, 'peer')] : []),
    ...(webSeedActive ? ['the web seed'] : []),
  ].join(' and ');
  if (sources === '') {
    if (playing && !stalled) return 'Playing what is here already';
    return peers === 0 ? 'Looking for peers' : `Connected to ${count(peers, 'peer')}, waiting for data`;
  }
  return `${stalled ? 'Loading' : playing ? 'Playing' : 'Downloading'} from ${sources}`;
}
