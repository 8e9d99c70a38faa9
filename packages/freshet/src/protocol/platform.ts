/**
 * The few globals that every JavaScript platform has and that the language's own library does not declare.
 * They are read through a typed cast, not declared, so that this floor compiles without the DOM's or Node's
 * types and cannot clash with them elsewhere.
 */

interface Encoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

interface Decoder {
  decode(bytes: Uint8Array): string;
}

interface Platform {
  readonly TextEncoder: new () => Encoder;
  readonly TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder;
}

const platform: Platform = globalThis as unknown as Platform;

export const utf8Encoder: Encoder = new platform.TextEncoder();
/** Puts U+FFFD in place of what is not UTF-8. Keeps a byte order mark. */
export const utf8Decoder: Decoder = new platform.TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
/** Throws on what is not UTF-8. Keeps a byte order mark. */
export const strictUtf8Decoder: Decoder = new platform.TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
