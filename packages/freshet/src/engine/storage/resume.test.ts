import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../memory/index.ts';
import { Bitfield, decode, type Encodable, encode } from '../../protocol/index.ts';
import { decodeResume, encodeResume, type ResumeData } from './resume.ts';

function sample(): ResumeData {
  const verified = new Bitfield(13);
  for (const piece of [0, 5, 12]) verified.set(piece);
  return {
    infoHash: new Uint8Array(20).fill(3),
    infoBytes: encode({ name: 'x', length: 3 }),
    verified,
    fingerprints: [
      { size: 2 ** 40 + 1, modified: 1_700_000_000_123.4375 },
      { size: -1, modified: 0 },
    ],
    filePriorities: [4, 0],
    uploaded: 12,
    downloaded: 2 ** 45,
    trackers: [['udp://a', 'wss://ü'], ['http://b']],
  };
}

describe('resume data', () => {
  it('comes back as it was', () => {
    const { verified, ...rest } = decodeResume(encodeResume(sample()))!;
    const { verified: bits, ...original } = sample();
    expect(rest).toEqual(original);
    expect([...verified!.indexes()]).toEqual([...bits!.indexes()]);
    expect(verified!.length).toBe(13);
  });

  it('can be without metadata', () => {
    const bare = { infoHash: new Uint8Array(20), uploaded: 0, downloaded: 0.7, trackers: [] };
    const decoded = decodeResume(encodeResume(bare))!;
    expect(decoded.downloaded).toBe(0);
    expect(decoded.verified ?? decoded.infoBytes ?? decoded.fingerprints).toBeUndefined();
  });

  it('does not keep the input in memory', () => {
    const bytes = encodeResume(sample());
    const decoded = decodeResume(bytes)!;
    expect(decoded.infoHash.buffer).not.toBe(bytes.buffer);
    expect(decoded.infoBytes!.buffer).not.toBe(bytes.buffer);
  });

  it('is nothing when it is cut short or garbage', () => {
    const bytes = encodeResume(sample());
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeResume(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(decodeResume(new Uint8Array(5000))).toBeUndefined();
    const random = new SeededRandom(1);
    let survived = 0;
    for (let i = 0; i < 3000; i++) {
      const broken = bytes.slice();
      for (let n = random.below(4); n >= 0; n--) broken[random.below(broken.length)] = random.below(256);
      const decoded = decodeResume(broken);
      if (decoded === undefined) continue;
      survived++;
      expect(decoded.infoHash.length).toBe(20);
      expect(decoded.verified?.length ?? 13).toBeGreaterThanOrEqual(0);
    }
    expect(survived).toBeGreaterThan(0);
  });

  it('is nothing when a field is wrong', () => {
    const wrong: { [key: string]: Encodable | undefined }[] = [
      { version: 2 },
      { format: 'other' },
      { 'info-hash': new Uint8Array(19) },
      { uploaded: -1 },
      { downloaded: 'x' },
      { trackers: [1] },
      { trackers: [[1]] },
      { trackers: [[Uint8Array.of(0xff)]] },
      { pieces: undefined },
      { pieces: -5 },
      { pieces: 2 ** 50 },
      { pieces: 12 },
      { verified: undefined },
      { verified: new Uint8Array(3) },
      { fingerprints: new Uint8Array(17) },
      { priorities: new Uint8Array(3) },
    ];
    const good = Object.fromEntries(decode(encodeResume(sample())) as Map<string, Encodable>);
    expect(decodeResume(encode(good))).toBeDefined();
    for (const change of wrong) {
      expect(decodeResume(encode({ ...good, ...change })), JSON.stringify(change)).toBeUndefined();
    }
    for (const other of [encode(1), encode([good]), encode('x')]) expect(decodeResume(other)).toBeUndefined();
  });
});
