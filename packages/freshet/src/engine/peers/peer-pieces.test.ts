import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { openStore } from '../../../testing/store-fixture.ts';
import { Bitfield } from '../../protocol/index.ts';
import { PeerPieces } from './peer-pieces.ts';

const COUNT = 11;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(COUNT * 100, 100);
});

type Step =
  | { readonly what: 'add' | 'drop' | 'verify' | 'lose' | 'select' | 'deselect'; readonly piece: number }
  | { readonly what: 'all' | 'none' | 'adopt' }
  | { readonly what: 'bits'; readonly bits: readonly boolean[] };

const piece = fc.nat(COUNT - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constantFrom('add', 'drop', 'verify', 'lose', 'select', 'deselect'), piece }),
  fc.record({ what: fc.constantFrom('all', 'none', 'adopt') }),
  fc.record({
    what: fc.constant('bits' as const),
    bits: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
  }),
);

function field(bits: readonly boolean[]): Bitfield {
  const made = new Bitfield(COUNT);
  for (const [i, bit] of bits.entries()) if (bit) made.set(i);
  return made;
}

describe('PeerPieces', () => {
  it('keeps who has what, whether it is wanted and the availability right through anything', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { store } = openStore(sample);
        const peer = new PeerPieces();
        const has = new Set<number>();
        let adopted = false;
        for (const each of steps) {
          if (each.what === 'adopt') {
            if (!adopted) expect(peer.adopt(store)).toBe(true);
            adopted = true;
          } else if (each.what === 'all') {
            peer.setAll();
            for (let i = 0; i < COUNT; i++) has.add(i);
          } else if (each.what === 'none') {
            peer.setNone();
            has.clear();
          } else if (each.what === 'bits') {
            expect(peer.setBits(field(each.bits).toBytes())).toBe(true);
            has.clear();
            for (const [i, bit] of each.bits.entries()) if (bit) has.add(i);
          } else if (each.what === 'add') {
            expect(peer.add(each.piece)).toBe(true);
            has.add(each.piece);
          } else if (each.what === 'drop') {
            // Before the metadata is known nothing is known that could be dropped.
            if (adopted) expect(peer.drop(each.piece)).toBe(has.delete(each.piece));
          } else if (each.what === 'verify') {
            if (store.verified.get(each.piece)) continue;
            store.picker.finish(each.piece);
            store.verified.set(each.piece);
          } else if (each.what === 'lose') {
            store.distrust(each.piece);
          } else if ('piece' in each) {
            store.picker.setPriority(each.piece, each.what === 'select' ? 4 : 0);
          }
          if (!adopted) continue;
          let wanted = 0;
          for (let i = 0; i < COUNT; i++) {
            expect(peer.has(i)).toBe(has.has(i));
            if (has.has(i) && !store.verified.get(i) && store.picker.priority(i) > 0) wanted++;
          }
          expect(peer.interesting).toBe(wanted > 0);
          for (let i = 0; i < COUNT; i++) expect(peer.have?.get(i) ?? true).toBe(has.has(i));
          expect(peer.isSeed).toBe(has.size === COUNT);
          expect(peer.progress).toBeCloseTo(has.size / COUNT);
          const counts = Array.from({ length: COUNT }, (_, i) => store.picker.availability(i));
          for (const [i, count] of counts.entries())
            expect(count === 0 || (count === 1 && has.has(i))).toBe(true);
          // A seed is not counted; who became one by and by may be.
          if (!peer.isSeed) for (const i of has) expect(counts[i]).toBe(1);
        }
        peer.close();
        for (let i = 0; i < COUNT; i++) expect(store.picker.availability(i)).toBe(0);
        expect(peer.interesting).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what does not fit, said before or after the metadata is known', () => {
    const { store } = openStore(sample);
    const early = new PeerPieces();
    expect(early.setBits(new Uint8Array(9))).toBe(true);
    expect(early.adopt(store)).toBe(false);
    const have = new PeerPieces();
    expect(have.add(4_000_000_000)).toBe(true);
    expect(have.adopt(store)).toBe(false);
    const late = new PeerPieces();
    late.adopt(store);
    expect(late.setBits(new Uint8Array(9))).toBe(false);
    expect(late.setBits(new Uint8Array([0, 1]))).toBe(false);
    expect(late.add(COUNT)).toBe(false);
    expect(late.drop(COUNT)).toBe(false);
    late.setAll();
    expect(late.drop(4_000_000_000)).toBe(false);
    expect(late.isSeed).toBe(true);
  });
});
