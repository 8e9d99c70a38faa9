import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from './bytes.ts';
import {
  encodeAllowedFast,
  encodeBitfield,
  encodeCancel,
  encodeChoke,
  encodeExtended,
  encodeHandshake,
  encodeHashes,
  encodeHashReject,
  encodeHashRequest,
  encodeHave,
  encodeHaveAll,
  encodeHaveNone,
  encodeInterested,
  encodeKeepAlive,
  encodeNotInterested,
  encodePieceHeader,
  encodePort,
  encodeReject,
  encodeRequest,
  encodeRequests,
  encodeSuggest,
  encodeUnchoke,
  type HashRequest,
  WireDecoder,
  type WireDecoderOptions,
  type WireHandler,
} from './wire.ts';

/** Writes down every call as one line. */
class Recorder implements WireHandler {
  readonly log: string[] = [];
  decoder: WireDecoder | undefined;
  /** Destroys the decoder from within the callback of this number. */
  destroyAt = Number.POSITIVE_INFINITY;
  skipBlocks = false;
  block: Uint8Array | undefined;

  #note(line: string): void {
    this.log.push(line);
    if (this.log.length >= this.destroyAt) this.decoder?.destroy();
  }

  onHandshake: WireHandler['onHandshake'] = (h) =>
    this.#note(`handshake ${toHex(h.infoHash)} ${toHex(h.peerId)} ${h.extension} ${h.fast} ${h.dht} ${h.v2}`);
  onKeepAlive = (): void => this.#note('keep-alive');
  onChoke = (): void => this.#note('choke');
  onUnchoke = (): void => this.#note('unchoke');
  onInterested = (): void => this.#note('interested');
  onNotInterested = (): void => this.#note('not interested');
  onHave = (piece: number): void => this.#note(`have ${piece}`);
  onBitfield = (bits: Uint8Array): void => this.#note(`bitfield ${toHex(bits)}`);
  onRequest = (p: number, b: number, l: number): void => this.#note(`request ${p} ${b} ${l}`);
  onCancel = (p: number, b: number, l: number): void => this.#note(`cancel ${p} ${b} ${l}`);
  onReject = (p: number, b: number, l: number): void => this.#note(`reject ${p} ${b} ${l}`);
  onHaveAll = (): void => this.#note('have all');
  onHaveNone = (): void => this.#note('have none');
  onSuggest = (piece: number): void => this.#note(`suggest ${piece}`);
  onAllowedFast = (piece: number): void => this.#note(`allowed fast ${piece}`);
  onPort = (port: number): void => this.#note(`port ${port}`);
  onExtended = (id: number, payload: Uint8Array): void => this.#note(`extended ${id} ${toHex(payload)}`);
  onHashRequest = (request: HashRequest): void => this.#note(`hash request ${hashText(request)}`);
  onHashes = (request: HashRequest, hashes: Uint8Array): void =>
    this.#note(`hashes ${hashText(request)} ${toHex(hashes)}`);
  onHashReject = (request: HashRequest): void => this.#note(`hash reject ${hashText(request)}`);
  onUnknown = (id: number, length: number): void => this.#note(`unknown ${id} ${length}`);
  onBlockStart(piece: number, begin: number, length: number): Uint8Array | undefined {
    this.block = this.skipBlocks ? undefined : new Uint8Array(length);
    this.#note(`block start ${piece} ${begin} ${length}`);
    return this.block;
  }
  onBlockEnd = (piece: number, begin: number, length: number): void =>
    this.#note(`block end ${piece} ${begin} ${length} ${this.block === undefined ? '' : toHex(this.block)}`);
  onProtocolError: WireHandler['onProtocolError'] = (error) => this.#note(`error ${error.code}`);
}

function hashText({ piecesRoot, baseLayer, index, length, proofLayers }: HashRequest): string {
  return `${toHex(piecesRoot)} ${baseLayer} ${index} ${length} ${proofLayers}`;
}

function record(
  chunks: readonly Uint8Array[],
  options: WireDecoderOptions = {},
  setup: Partial<Pick<Recorder, 'destroyAt' | 'skipBlocks'>> = {},
): string[] {
  const recorder = Object.assign(new Recorder(), setup);
  recorder.decoder = new WireDecoder(recorder, options);
  for (const chunk of chunks) {
    // A copy that is wiped afterwards, to see that nothing of it is kept.
    const copy = chunk.slice();
    recorder.decoder.push(copy);
    copy.fill(0xee);
  }
  return recorder.log;
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length));
}

const word = fc.nat(0xffffffff);
const id20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
const noArgs: readonly [() => Uint8Array, string][] = [
  [encodeKeepAlive, 'keep-alive'],
  [encodeChoke, 'choke'],
  [encodeUnchoke, 'unchoke'],
  [encodeInterested, 'interested'],
  [encodeNotInterested, 'not interested'],
  [encodeHaveAll, 'have all'],
  [encodeHaveNone, 'have none'],
];
const hashRequest: fc.Arbitrary<HashRequest> = fc.record({
  piecesRoot: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  baseLayer: word,
  index: word,
  length: word,
  proofLayers: word,
});
type Sample = { bytes: Uint8Array; log: string[] };
const message: fc.Arbitrary<Sample> = fc.oneof(
  fc.constantFrom(...noArgs).map(([make, line]) => ({ bytes: make(), log: [line] })),
  word.map((p) => ({ bytes: encodeHave(p), log: [`have ${p}`] })),
  word.map((p) => ({ bytes: encodeSuggest(p), log: [`suggest ${p}`] })),
  word.map((p) => ({ bytes: encodeAllowedFast(p), log: [`allowed fast ${p}`] })),
  fc.nat(65535).map((p) => ({ bytes: encodePort(p), log: [`port ${p}`] })),
  fc
    .tuple(word, word, word)
    .map(([p, b, l]) => ({ bytes: encodeRequest(p, b, l), log: [`request ${p} ${b} ${l}`] })),
  fc
    .tuple(word, word, word)
    .map(([p, b, l]) => ({ bytes: encodeCancel(p, b, l), log: [`cancel ${p} ${b} ${l}`] })),
  fc
    .tuple(word, word, word)
    .map(([p, b, l]) => ({ bytes: encodeReject(p, b, l), log: [`reject ${p} ${b} ${l}`] })),
  fc
    .uint8Array({ maxLength: 40 })
    .map((bits) => ({ bytes: encodeBitfield(bits), log: [`bitfield ${toHex(bits)}`] })),
  fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 80 })).map(([id, payload]) => ({
    bytes: encodeExtended(id, payload),
    log: [`extended ${id} ${toHex(payload)}`],
  })),
  hashRequest.map((r) => ({ bytes: encodeHashRequest(r), log: [`hash request ${hashText(r)}`] })),
  hashRequest.map((r) => ({ bytes: encodeHashReject(r), log: [`hash reject ${hashText(r)}`] })),
  fc
    .tuple(hashRequest, fc.uint8Array({ minLength: 1, maxLength: 4 }))
    .map(([r, seeds]) => [r, concatBytes([...seeds].map((seed) => new Uint8Array(32).fill(seed)))] as const)
    .map(([r, hashes]) => ({
      bytes: encodeHashes(r, hashes),
      log: [`hashes ${hashText(r)} ${toHex(hashes)}`],
    })),
  fc.tuple(fc.constantFrom(10, 24, 99, 255), fc.uint8Array({ maxLength: 80 })).map(([id, body]) => ({
    bytes: concatBytes([Uint8Array.of(0, 0, 0, body.length + 1, id), body]),
    log: [`unknown ${id} ${body.length}`],
  })),
  fc.tuple(word, word, fc.uint8Array({ minLength: 1, maxLength: 100 })).map(([p, b, data]) => ({
    bytes: concatBytes([encodePieceHeader(p, b, data.length), data]),
    log: [`block start ${p} ${b} ${data.length}`, `block end ${p} ${b} ${data.length} ${toHex(data)}`],
  })),
);

describe('WireDecoder', () => {
  it('reads what the encoders write, however the input is split', () => {
    const flags = fc.record({
      extension: fc.boolean(),
      fast: fc.boolean(),
      dht: fc.boolean(),
      v2: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.record({ infoHash: id20, peerId: id20, reserved: flags }),
        fc.array(message, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (handshake, messages, cuts) => {
          const bytes = concatBytes([encodeHandshake(handshake), ...messages.map((m) => m.bytes)]);
          const { extension, fast, dht, v2 } = handshake.reserved;
          const expected = [
            `handshake ${toHex(handshake.infoHash)} ${toHex(handshake.peerId)} ${extension} ${fast} ${dht} ${v2}`,
            ...messages.flatMap((m) => m.log),
          ];
          expect(record(split(bytes, cuts))).toEqual(expected);
          expect(record(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('stops at once when a handler destroys it, wherever that is', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.nat(20),
        (messages, cuts, n) => {
          const all = messages.flatMap((m) => m.log);
          const destroyAt = (n % all.length) + 1;
          const chunks = split(concatBytes(messages.map((m) => m.bytes)), cuts);
          // The block itself is not written once it is destroyed, so blocks are skipped here.
          const log = record(chunks, { expectHandshake: false }, { destroyAt, skipBlocks: true });
          expect(log.map((line) => line.replace(/^(block end \d+ \d+ \d+) .*/, '$1'))).toEqual(
            all.slice(0, destroyAt).map((line) => line.replace(/^(block end \d+ \d+ \d+) .*/, '$1')),
          );
        },
      ),
    );
  });

  it('reads the start of what breaks off, and waits for the rest without an error', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 6 }), fc.nat(), (messages, cut) => {
        const bytes = concatBytes(messages.map((m) => m.bytes));
        const all = messages.flatMap((m) => m.log);
        const end = cut % (bytes.length + 1);
        const log = record([bytes.subarray(0, end)], { expectHandshake: false });
        expect(all.slice(0, log.length)).toEqual(log);
        if (end === bytes.length) expect(log).toEqual(all);
      }),
      { numRuns: 300 },
    );
  });

  it('takes no more hashes than it is told to, and lets who has no use for them ignore them', () => {
    const request = { piecesRoot: new Uint8Array(32), baseLayer: 0, index: 0, length: 2, proofLayers: 0 };
    const two = encodeHashes(request, new Uint8Array(64));
    const three = encodeHashes(request, new Uint8Array(96));
    const options = { expectHandshake: false, maxHashes: 2 };
    expect(record([two, three], options)).toEqual([
      `hashes ${hashText(request)} ${'00'.repeat(64)}`,
      'error TOO_LONG',
    ]);
    const old: Recorder = new Recorder();
    Object.assign(old, { onHashRequest: undefined, onHashes: undefined, onHashReject: undefined });
    const decoder = new WireDecoder(old, { expectHandshake: false });
    const all = [encodeHashRequest(request), two, encodeHashReject(request), encodeHave(1)];
    decoder.push(concatBytes(all));
    expect(old.log).toEqual(['have 1']);
    for (const encode of [encodeHashRequest, encodeHashReject]) {
      expect(() => encode({ ...request, piecesRoot: new Uint8Array(20) })).toThrow(RangeError);
    }
  });

  it('never throws on hostile input and reports at most one error, as the last thing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.boolean(), (chunks, expectHandshake) => {
        const log = record(chunks, { expectHandshake });
        const errors = log.filter((line) => line.startsWith('error'));
        expect(errors.length).toBeLessThanOrEqual(1);
        if (errors.length === 1) expect(log.at(-1)).toBe(errors[0]);
      }),
      { numRuns: 1000 },
    );
  });

  const header = (length: number, ...rest: number[]): Uint8Array =>
    Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, ...rest);

  it.each<[string, Uint8Array, string]>([
    ['any message', header(0xffffffff), 'error TOO_LONG'],
    ['just over 2 MiB', header(2 * 1024 * 1024 + 1), 'error TOO_LONG'],
    ['a block', header(9 + 128 * 1024 + 1, 7), 'error TOO_LONG'],
    ['a bitfield', header(1 + 256 * 1024 + 1, 5), 'error TOO_LONG'],
    ['an extended message', header(2 + 128 * 1024 + 1, 20), 'error TOO_LONG'],
    ['more hashes than are asked for', header(1 + 48 + 32 * 577, 22), 'error TOO_LONG'],
    ['a short block', header(8, 7), 'error BAD_LENGTH'],
    ['an empty block', header(9, 7), 'error BAD_LENGTH'],
    ['an extended message without id', header(1, 20), 'error BAD_LENGTH'],
    ['a long choke', header(2, 0), 'error BAD_LENGTH'],
    ['a short have', header(4, 4), 'error BAD_LENGTH'],
    ['a long request', header(14, 6), 'error BAD_LENGTH'],
    ['a short hash request', header(48, 21), 'error BAD_LENGTH'],
    ['a long hash reject', header(50, 23), 'error BAD_LENGTH'],
    ['hashes without any', header(49, 22), 'error BAD_LENGTH'],
    ['hashes and half of one', header(49 + 48, 22), 'error BAD_LENGTH'],
    ['a huge message of hashes', header(0x7fffffff, 22), 'error TOO_LONG'],
  ])('refuses %s by its length alone', (_, bytes, error) => {
    expect(record([bytes, encodeHave(1)], { expectHandshake: false })).toEqual([error]);
  });

  it('refuses a longer bitfield than the pieces need', () => {
    const recorder = new Recorder();
    const decoder = new WireDecoder(recorder, { expectHandshake: false });
    decoder.setPieceCount(9);
    decoder.push(encodeBitfield(new Uint8Array(2)));
    decoder.push(encodeBitfield(new Uint8Array(3)));
    expect(recorder.log).toEqual(['bitfield 0000', 'error TOO_LONG']);
    expect(decoder.ended).toBe(true);
  });

  it('refuses another protocol at its first wrong byte', () => {
    expect(record([new TextEncoder().encode('G')])).toEqual(['error BAD_HANDSHAKE']);
    const handshake = encodeHandshake({ infoHash: new Uint8Array(20), peerId: new Uint8Array(20) });
    handshake[19] = 0x4c;
    expect(record([handshake.subarray(0, 19)])).toEqual([]);
    expect(record([handshake.subarray(0, 19), handshake.subarray(19, 20)])).toEqual(['error BAD_HANDSHAKE']);
  });

  it('copies a payload into the place it is given and skips it if there is none', () => {
    const data = Uint8Array.from({ length: 16384 }, (_, i) => i * 7);
    const bytes = concatBytes([encodePieceHeader(1, 2, data.length), data, encodeHave(3)]);
    expect(record([bytes], { expectHandshake: false }, { skipBlocks: true })).toEqual([
      'block start 1 2 16384',
      'block end 1 2 16384 ',
      'have 3',
    ]);
    const arrived: number[] = [];
    const recorder = Object.assign(new Recorder(), { onBlockData: (n: number) => arrived.push(n) });
    const decoder = new WireDecoder(recorder, { expectHandshake: false });
    decoder.push(bytes.subarray(0, 113));
    decoder.push(bytes.subarray(113, 1013));
    decoder.push(bytes.subarray(1013));
    expect(arrived).toEqual([100, 1000]);
    expect(recorder.block).toEqual(data);
  });

  it('refuses to be pushed from within a callback, and ends when a handler throws', () => {
    const recorder = new Recorder();
    const decoder = new WireDecoder(recorder, { expectHandshake: false });
    recorder.onChoke = () => decoder.push(encodeChoke());
    expect(() => decoder.push(encodeChoke())).toThrow('from within a callback');
    expect(decoder.ended).toBe(true);
    decoder.push(encodeHave(1));
    expect(recorder.log).toEqual([]);
  });
});

describe('encoders', () => {
  it('write the bytes of BEP 52', () => {
    const request = {
      piecesRoot: new Uint8Array(32).fill(0xab),
      baseLayer: 1,
      index: 2,
      length: 4,
      proofLayers: 0xfffffffe,
    };
    const body = `${'ab'.repeat(32)}000000010000000200000004fffffffe`;
    expect(toHex(encodeHashRequest(request))).toBe(`0000003115${body}`);
    expect(toHex(encodeHashReject(request))).toBe(`0000003117${body}`);
    expect(toHex(encodeHashes(request, new Uint8Array(32).fill(1)))).toBe(
      `0000005116${body}${'01'.repeat(32)}`,
    );
  });

  it('write the bytes of BEP 3, 6 and 10', () => {
    expect(toHex(encodeKeepAlive())).toBe('00000000');
    expect(toHex(encodeChoke())).toBe('0000000100');
    expect(toHex(encodeHave(258))).toBe('000000050400000102');
    expect(toHex(encodeRequest(1, 16384, 16384))).toBe('0000000d06000000010000400000004000');
    expect(toHex(encodePieceHeader(1, 16384, 16384))).toBe('00004009070000000100004000');
    expect(toHex(encodeHaveAll())).toBe('000000010e');
    expect(toHex(encodeReject(1, 2, 3))).toBe('0000000d10000000010000000200000003');
    expect(toHex(encodePort(6881))).toBe('00000003091ae1');
    expect(toHex(encodeExtended(0, Uint8Array.of(0x64, 0x65)))).toBe('0000000414006465');
    const handshake = encodeHandshake({
      infoHash: new Uint8Array(20).fill(1),
      peerId: new Uint8Array(20).fill(2),
    });
    expect(toHex(handshake)).toBe(
      `13${Buffer.from('BitTorrent protocol').toString('hex')}0000000000100004${'01'.repeat(20)}${'02'.repeat(20)}`,
    );
  });

  it('put a list of requests into one buffer', () => {
    const list = [1, 2, 3].map((piece) => ({ piece, begin: 16384 * piece, length: 16384 }));
    expect(encodeRequests(list)).toEqual(
      concatBytes(list.map(({ piece, begin, length }) => encodeRequest(piece, begin, length))),
    );
  });
});
