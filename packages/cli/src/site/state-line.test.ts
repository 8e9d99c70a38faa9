import { describe, expect, it } from 'vitest';
import { type Situation, stateLine } from './state-line.ts';

const idle: Situation = {
  state: 'active',
  checked: 0,
  done: false,
  peers: 0,
  giving: 0,
  taking: 0,
  webSeedActive: false,
  playing: false,
  stalled: false,
};

describe('stateLine', () => {
  it.each<[Partial<Situation>, string]>([
    [{ state: 'metadata' }, 'Looking for somebody who has it'],
    [{ state: 'metadata', peers: 1 }, 'Asking 1 peer what is in it'],
    [{ state: 'checking', checked: 0.5 }, 'Checking kept data: 50.0%'],
    [{}, 'Looking for peers'],
    [{ peers: 3 }, 'Connected to 3 peers, waiting for data'],
    [{ peers: 3, giving: 2, playing: true }, 'Playing from 2 peers'],
    [{ giving: 1, webSeedActive: true, playing: true }, 'Playing from 1 peer and the web seed'],
    [{ webSeedActive: true, playing: true, stalled: true }, 'Loading from the web seed'],
    [{ giving: 1 }, 'Downloading from 1 peer'],
    [{ playing: true }, 'Playing what is here already'],
    [{ done: true }, 'All of it is here'],
    [{ done: true, playing: true, taking: 1 }, 'Playing, all of it is here; giving to 1 viewer'],
    [{ state: 'paused' }, 'Paused'],
    [{ state: 'failed' }, 'Stopped'],
    [{ state: 'closed' }, 'Ended'],
  ])('%j is \u201c%s\u201d', (changes, text) => {
    expect(stateLine({ ...idle, ...changes })).toBe(text);
  });
});
