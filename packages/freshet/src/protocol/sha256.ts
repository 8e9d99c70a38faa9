/**
 * SHA-256 (FIPS 180-4) in one synchronous call, for the inner nodes of Merkle trees: 64 bytes each, for which
 * WebCrypto would take a promise each. Whole blocks are hashed by the platform's `Hasher`.
 */

const BLOCK = 64;
const ROUNDS = 64;

/** The first 32 bits behind the point of the roots of the first primes: the standard's constants. */
function fractions(count: number, root: (prime: number) => number): Int32Array {
  const bits = new Int32Array(count);
  for (let found = 0, number = 2; found < count; number++) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= number; divisor++) isPrime &&= number % divisor !== 0;
    if (isPrime) bits[found++] = (root(number) % 1) * 2 ** 32;
  }
  return bits;
}

const INITIAL = /* @__PURE__ */ fractions(8, Math.sqrt);
const CONSTANTS = /* @__PURE__ */ fractions(ROUNDS, Math.cbrt);
/** The message schedule; never in use beyond one call. */
const WORDS = /* @__PURE__ */ new Int32Array(ROUNDS);

export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const state = INITIAL.slice();
  let at = 0;
  for (; at + BLOCK <= data.length; at += BLOCK) compress(state, data, at);
  // What is left, a one bit, zeros, and the length in bits.
  const left = data.length - at;
  const end = new Uint8Array(left < BLOCK - 8 ? BLOCK : 2 * BLOCK);
  end.set(data.subarray(at));
  end[left] = 0x80;
  const length = new DataView(end.buffer, end.length - 8);
  length.setUint32(0, Math.floor(data.length / 2 ** 29));
  length.setUint32(4, data.length << 3);
  for (at = 0; at < end.length; at += BLOCK) compress(state, end, at);

  const digest = new Uint8Array(32);
  const view = new DataView(digest.buffer);
  for (let i = 0; i < 8; i++) view.setInt32(4 * i, state[i]!);
  return digest;
}

function compress(state: Int32Array, data: Uint8Array, at: number): void {
  for (let i = 0, from = at; i < 16; i++, from += 4) {
    WORDS[i] = (data[from]! << 24) | (data[from + 1]! << 16) | (data[from + 2]! << 8) | data[from + 3]!;
  }
  for (let i = 16; i < ROUNDS; i++) {
    const old = WORDS[i - 15]!;
    const late = WORDS[i - 2]!;
    WORDS[i] =
      WORDS[i - 16]! +
      WORDS[i - 7]! +
      (rotate(old, 7) ^ rotate(old, 18) ^ (old >>> 3)) +
      (rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10));
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < ROUNDS; i++) {
    const first =
      (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + CONSTANTS[i]! + WORDS[i]!) |
      0;
    const second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}

/** To the right, by 1 to 31 bits. */
function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
