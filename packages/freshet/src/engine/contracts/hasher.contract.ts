/** What every `Hasher` must do. Vectors of RFC 3174 section 7.3 and of FIPS 180-2 appendix B. */

import { describe, expect, it } from 'vitest';
import { toHex, utf8Encode } from '../../protocol/index.ts';
import type { Hasher } from '../ports.ts';
import { type Advance, testBytes, testRandom, until } from './waiting.contract.ts';

const VECTORS: readonly { readonly data: Uint8Array; readonly digest: string }[] = [
  { data: new Uint8Array(0), digest: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
  { data: utf8Encode('abc'), digest: 'a9993e364706816aba3e25717850c26c9cd0d89d' },
  {
    data: utf8Encode('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    digest: '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  },
  { data: new Uint8Array(1_000_000).fill(0x61), digest: '34aa973cd4c4daa4f61eeb2bdbad27316534016f' },
  {
    data: utf8Encode('0123456701234567012345670123456701234567012345670123456701234567'.repeat(10)),
    digest: 'dea356a2cddd90c7a7ecedc5ebb563934f460452',
  },
];

const VECTORS_256: readonly { readonly data: Uint8Array; readonly digest: string }[] = [
  {
    data: new Uint8Array(0),
    digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  },
  {
    data: utf8Encode('abc'),
    digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  },
  {
    data: utf8Encode('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    digest: '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  },
  {
    data: new Uint8Array(1_000_000).fill(0x61),
    digest: 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  },
];

export function hasherContract(
  name: string,
  make: () =>
    | Promise<{ hasher: Hasher; advance?: ((ms: number) => Promise<void>) | undefined }>
    | { hasher: Hasher; advance?: ((ms: number) => Promise<void>) | undefined },
): void {
  describe(`Hasher contract: ${name}`, () => {
    async function prefix(
      hasher: Hasher,
      buffer: Uint8Array,
      steps: readonly number[],
      advance: Advance,
    ): Promise<string> {
      const hash = hasher.prefixSha1(buffer);
      for (const step of steps) hash.advance(step);
      const digests: Uint8Array[] = [];
      hash.finish((digest) => digests.push(digest));
      await until(() => digests.length > 0, advance, 'the digest is there');
      expect(digests.length).toBe(1);
      return toHex(digests[0]!);
    }

    it('knows the vectors of RFC 3174 in one go', async () => {
      const { hasher } = await make();
      for (const { data, digest } of VECTORS) expect(toHex(await hasher.sha1(data))).toBe(digest);
    });

    it('knows the vectors of RFC 3174 by prefixes', async () => {
      const { hasher, advance } = await make();
      for (const { data, digest } of VECTORS) {
        expect(await prefix(hasher, data, [], advance)).toBe(digest);
        const third = Math.floor(data.length / 3);
        expect(await prefix(hasher, data, [0, third, third, 2 * third], advance)).toBe(digest);
        expect(await prefix(hasher, data, [data.length], advance)).toBe(digest);
      }
    });

    it('gives the same digest for every length around a block and any steps', async () => {
      const { hasher, advance } = await make();
      const random = testRandom(1);
      for (let length = 0; length < 200; length += length < 130 ? 1 : 13) {
        // A view in the middle of its memory, as pieces in a pool are.
        const memory = testBytes(length + 20, length);
        const data = memory.subarray(7, 7 + length);
        const whole = toHex(await hasher.sha1(data));
        expect(toHex(await hasher.sha1(data.slice()))).toBe(whole);
        const steps: number[] = [];
        for (let end = 0; end < length; end += random(70)) steps.push(end);
        expect(await prefix(hasher, data, steps, advance)).toBe(whole);
      }
    });

    it('does not look at bytes before they are final', async () => {
      const { hasher, advance } = await make();
      const data = testBytes(300_000, 2);
      const expected = toHex(await hasher.sha1(data));
      const buffer = new Uint8Array(data.length).fill(0xee);
      const hash = hasher.prefixSha1(buffer);
      for (let end = 0; end < data.length; ) {
        const next = Math.min(data.length, end + 16384);
        buffer.set(data.subarray(end, next), end);
        end = next;
        hash.advance(end);
      }
      let digest = '';
      hash.finish((bytes) => {
        digest = toHex(bytes);
      });
      await until(() => digest !== '', advance, 'the digest is there');
      expect(digest).toBe(expected);
    });

    it('hashes many at a time without mixing them up', async () => {
      const { hasher, advance } = await make();
      const datas = Array.from({ length: 20 }, (_, i) => testBytes(1000 + 997 * i, i));
      const expected: string[] = [];
      for (const data of datas) expected.push(toHex(await hasher.sha1(data)));
      const atOnce = await Promise.all(datas.map((data) => hasher.sha1(data)));
      expect(atOnce.map(toHex)).toEqual(expected);
      const hashes = datas.map((data) => hasher.prefixSha1(data));
      for (let step = 1; step < 5; step++) {
        for (let i = 0; i < datas.length; i++) hashes[i]!.advance(Math.floor((datas[i]!.length * step) / 5));
      }
      const digests: (string | undefined)[] = datas.map(() => undefined);
      for (let i = 0; i < datas.length; i++) {
        hashes[i]!.finish((digest) => {
          expect(digests[i]).toBeUndefined();
          digests[i] = toHex(digest);
        });
      }
      await until(() => digests.every((digest) => digest !== undefined), advance, 'all digests are there');
      expect(digests).toEqual(expected);
    });

    it('knows the vectors of SHA-256, and gives each digest once and for good', async () => {
      const { hasher, advance } = await make();
      const digests: Uint8Array[][] = VECTORS_256.map(() => []);
      for (const [i, { data }] of VECTORS_256.entries()) {
        hasher.sha256(data, (digest) => digests[i]!.push(digest));
      }
      await until(() => digests.every(({ length }) => length > 0), advance, 'all digests are there');
      const expected = VECTORS_256.map(({ digest }) => digest);
      expect(digests.map((given) => given.map(toHex))).toEqual(expected.map((digest) => [digest]));
      // Nobody else writes into a digest, or finds its own changed.
      for (const [digest] of digests) digest!.fill(0);
      let again = '';
      hasher.sha256(VECTORS_256[1]!.data, (digest) => {
        again = toHex(digest);
      });
      await until(() => again !== '', advance, 'the digest is there');
      expect(again).toBe(expected[1]);
    });

    it('takes SHA-256 of a view in the middle of its memory, and of many at a time', async () => {
      const { hasher, advance } = await make();
      const memory = testBytes(40_000, 5);
      const views = Array.from({ length: 40 }, (_, i) => memory.subarray(13 * i, 13 * i + 997 * i));
      const of = (data: Uint8Array, into: Map<number, string>, key: number): void =>
        hasher.sha256(data, (digest) => into.set(key, toHex(digest)));
      const inPlace = new Map<number, string>();
      const copied = new Map<number, string>();
      for (const [i, view] of views.entries()) of(view, inPlace, i);
      for (const [i, view] of views.entries()) of(view.slice(), copied, i);
      const done = (): boolean => inPlace.size === views.length && copied.size === views.length;
      await until(done, advance, 'all digests are there');
      for (const i of views.keys()) expect(inPlace.get(i)).toBe(copied.get(i));
      expect(new Set(inPlace.values()).size).toBe(views.length);
    });
  });
}
