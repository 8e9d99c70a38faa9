import { describe, expect, it } from 'vitest';
import { AnnounceGate } from './announce-gate.ts';

const A = 'http://a.example/announce';

function setUp() {
  const gate = new AnnounceGate();
  const started: string[] = [];
  const cancelled: string[] = [];
  const leaves = new Map<string, () => void>();
  const enter = (name: string, url = A) =>
    gate.enter(url, (leave) => {
      started.push(name);
      leaves.set(name, leave);
      return { cancel: () => void cancelled.push(name) };
    });
  return { gate, started, cancelled, leaves, enter };
}

describe('AnnounceGate', () => {
  it('lets six through to a host, then one for each that leaves', () => {
    const { gate, started, leaves, enter } = setUp();
    for (let i = 0; i < 9; i++) enter(String(i));
    expect([started.join(''), gate.running]).toEqual(['012345', 6]);
    leaves.get('2')!();
    leaves.get('2')!();
    leaves.get('0')!();
    expect([started.slice(6), gate.running]).toEqual([['6', '7'], 6]);
  });

  it('keeps a host that does not answer from holding up others, and all within 48', () => {
    const { gate, started, leaves, enter } = setUp();
    for (let i = 0; i < 100; i++) enter(`dead ${i}`);
    enter('other', 'http://b.example:81/x?y');
    expect(started.at(-1)).toBe('other');
    for (let host = 0; host < 20; host++)
      for (let i = 0; i < 3; i++) enter(`${host} ${i}`, `http://h${host}/`);
    expect(gate.running).toBe(48);
    leaves.get('other')!();
    expect([gate.running, started.at(-1)]).toEqual([48, '13 2']);
  });

  it('takes out what is cancelled, whether it waits or not', () => {
    const { gate, started, cancelled, enter } = setUp();
    const places = Array.from({ length: 8 }, (_, i) => enter(String(i)));
    places[7]!.cancel();
    places[7]!.cancel();
    expect([cancelled, gate.running]).toEqual([[], 6]);
    places[0]!.cancel();
    expect([cancelled, started.at(-1), gate.running]).toEqual([['0'], '6', 6]);
    for (const place of places) place.cancel();
    expect(gate.running).toBe(0);
  });
});
