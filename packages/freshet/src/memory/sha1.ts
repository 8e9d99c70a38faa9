/** SHA-1 (RFC 3174) in plain TypeScript, fed step by step. For tests and where a platform has nothing faster. */

const BLOCK = 64;

export class Sha1 {
  readonly #state: Int32Array = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  readonly #words: Int32Array = new Int32Array(80);
  readonly #block: Uint8Array = new Uint8Array(BLOCK);
  #filled = 0;
  #length = 0;

  update(data: Uint8Array): void {
    this.#length += data.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(BLOCK - this.#filled, data.length);
      this.#block.set(data.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < BLOCK) return;
      this.#compress(this.#block, 0);
      this.#filled = 0;
    }
    for (; at + BLOCK <= data.length; at += BLOCK) this.#compress(data, at);
    this.#block.set(data.subarray(at), 0);
    this.#filled = data.length - at;
  }

  /** Ends the hash; the object is of no use afterwards. */
  digest(): Uint8Array<ArrayBuffer> {
    const length = this.#length;
    const padding = new Uint8Array(((this.#filled < 56 ? 56 : 120) - this.#filled) | 0);
    padding[0] = 0x80;
    this.update(padding);
    const end = new DataView(this.#block.buffer);
    end.setUint32(56, Math.floor(length / 0x20000000));
    end.setUint32(60, (length << 3) >>> 0);
    this.#compress(this.#block, 0);
    const digest = new Uint8Array(20);
    const view = new DataView(digest.buffer);
    for (let i = 0; i < 5; i++) view.setInt32(4 * i, this.#state[i]!);
    return digest;
  }

  #compress(data: Uint8Array, at: number): void {
    const words = this.#words;
    for (let i = 0, from = at; i < 16; i++, from += 4) {
      words[i] = (data[from]! << 24) | (data[from + 1]! << 16) | (data[from + 2]! << 8) | data[from + 3]!;
    }
    for (let i = 16; i < 80; i++) {
      const word = words[i - 3]! ^ words[i - 8]! ^ words[i - 14]! ^ words[i - 16]!;
      words[i] = (word << 1) | (word >>> 31);
    }
    const state = this.#state;
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    for (let i = 0; i < 80; i++) {
      let mixed: number;
      if (i < 20) mixed = (d ^ (b & (c ^ d))) + 0x5a827999;
      else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (i < 60) mixed = ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + mixed + e + words[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] = (state[0]! + a) | 0;
    state[1] = (state[1]! + b) | 0;
    state[2] = (state[2]! + c) | 0;
    state[3] = (state[3]! + d) | 0;
    state[4] = (state[4]! + e) | 0;
  }
}
