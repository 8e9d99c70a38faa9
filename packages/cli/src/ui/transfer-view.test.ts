import { describe, expect, it } from 'vitest';
import { progressEvent } from './json.ts';
import type { TransferSnapshot } from './snapshot.ts';
import { displayWidth } from './text.ts';
import { bar, makeTheme } from './theme.ts';
import { hashingLines, peersText, transferLines, transferText } from './transfer-view.ts';

const plain = makeTheme({ colors: false, unicode: false });

function snapshot(changes: Partial<TransferSnapshot> = {}): TransferSnapshot {
  return {
    phase: 'downloading',
    name: 'Films',
    progress: 0.25,
    wanted: 4_000_000,
    verified: 1_000_000,
    downloadSpeed: 500_000,
    uploadSpeed: 10_000,
    received: 1_100_000,
    uploaded: 20_000,
    peers: { webrtc: 1, tcp: 2 },
    webSeeds: { known: 1, active: 0 },
    remaining: 6,
    files: [
      { number: 1, path: 'Films/a.mp4', length: 1_000_000, done: 1_000_000 },
      { number: 2, path: 'Films/b.mp4', length: 1_000_000, done: 0 },
      { number: 3, path: 'Films/c.mp4', length: 2_000_000, done: 500_000 },
    ],
    ...changes,
  };
}

const size = { columns: 80, rows: 24 };

describe('transferLines', () => {
  it('shows name, bar, speeds, peers by transport, time left, and what is on its way first', () => {
    expect(transferLines(snapshot(), size, plain)).toEqual([
      'Films',
      '############--------------------------------------  25.0%  1.00 MB of 4.00 MB',
      'down 500 kB/s   up 10.0 kB/s   3 peers (2 TCP, 1 WebRTC), 1 web seed   6 s left',
      '3   25.0%  Films/c.mp4                                                  2.00 MB',
      '2    0.0%  Films/b.mp4                                                  1.00 MB',
      '1    100%  Films/a.mp4                                                  1.00 MB',
    ]);
  });

  it('is bounded by the terminal, whatever a torrent holds', () => {
    const files = Array.from({ length: 5_000 }, (_, i) => ({
      number: i + 1,
      path: `Films/${'very-'.repeat(30)}${i}.mp4`,
      length: 100,
      done: i < 3_000 ? 100 : 0,
    }));
    for (const columns of [20, 40, 80, 200]) {
      for (const rows of [4, 6, 10, 40]) {
        const lines = transferLines(snapshot({ files, name: '映'.repeat(300) }), { columns, rows }, plain);
        expect(lines.length).toBeLessThan(rows + 1);
        expect(displayWidth(lines[0]!)).toBeLessThan(columns);
      }
    }
    expect(transferLines(snapshot({ files }), { columns: 80, rows: 10 }, plain).at(-1)).toBe(
      'and 4995 files more, 3000 complete',
    );
  });

  it('shows no file list for a single file', () => {
    const files = snapshot().files.slice(0, 1);
    expect(transferLines(snapshot({ files }), size, plain)).toHaveLength(3);
  });

  it('says what it waits for', () => {
    const waiting = snapshot({ phase: 'metadata', peers: {}, webSeeds: { known: 0, active: 0 }, files: [] });
    expect(transferLines(waiting, size, plain).join('\n')).toMatch(/metadata\nno peers$/);
    const stalled = snapshot({ remaining: Number.POSITIVE_INFINITY });
    expect(transferLines(stalled, size, plain).join('\n')).toContain('waiting for data');
    const checking = snapshot({ phase: 'checking', progress: 0.5 });
    expect(transferLines(checking, size, plain)[1]).toContain('50.0%  checking');
  });

  it('lets no name move the cursor', () => {
    const files = [
      { number: 1, path: 'x/\u001b[2J', length: 1, done: 0 },
      { number: 2, path: 'x/y', length: 1, done: 0 },
    ];
    const text = transferLines(snapshot({ name: 'x\u001b]0;', files }), size, plain).join('\n');
    expect(text).not.toContain('\u001b');
  });
});

describe('transferText', () => {
  it('is one line with everything', () => {
    expect(transferText(snapshot())).toBe(
      '25.0% (1.00 MB of 4.00 MB), down 500 kB/s, up 10.0 kB/s, 3 peers (2 TCP, 1 WebRTC), 1 web seed, 6 s left',
    );
    expect(transferText(snapshot({ phase: 'seeding' }))).toMatch(
      /^seeding, up 10.0 kB\/s, 20.0 kB given, 3 peers/,
    );
  });
});

it('counts peers of any transport', () => {
  expect(peersText(snapshot({ peers: { utp: 1 }, webSeeds: { known: 0, active: 0 } }))).toBe(
    '1 peer (1 uTP)',
  );
});

it('tells programs the same in fields that are always there', () => {
  expect(progressEvent(snapshot({ peers: {}, remaining: Number.POSITIVE_INFINITY }))).toEqual({
    event: 'progress',
    phase: 'downloading',
    progress: 0.25,
    verified: 1_000_000,
    wanted: 4_000_000,
    downloadSpeed: 500_000,
    uploadSpeed: 10_000,
    received: 1_100_000,
    uploaded: 20_000,
    peers: { tcp: 0, webrtc: 0 },
    webSeeds: 1,
    remaining: null,
  });
});

it('fills a bar only when all is there', () => {
  expect(bar(0.999, 10, plain)).toBe('#########-');
  expect(bar(1, 10, plain)).toBe('##########');
  expect(bar(-1, 4, plain)).toBe('----');
});

it('shows hashing', () => {
  expect(hashingLines('x', { done: 500, total: 1000, speed: 100 }, size, plain)[1]).toBe(
    '######################-----------------------  50.0%  500 B of 1.00 kB  100 B/s',
  );
});
