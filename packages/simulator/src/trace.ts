/** A fingerprint of everything that happened, in its order: two runs are the same if theirs are. */

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  /** Entries so far. */
  count = 0;

  /** Adds what happened: when, what and to whom, as numbers. */
  note(time: number, what: number, who: number, detail: number): void {
    this.count++;
    this.#mix(Math.floor(time * 1024) | 0);
    this.#mix((what << 24) ^ who);
    this.#mix(detail | 0);
  }

  /** Adds bytes that were delivered. */
  bytes(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#low = Math.imul(this.#low ^ bytes[i]!, 0x01000193);
    this.#mix(bytes.length);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  #mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low ^ (this.#low >>> 15), 0x85ebca6b);
    this.#high ^= this.#high >>> 13;
  }
}
