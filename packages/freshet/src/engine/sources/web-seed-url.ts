import { type Info, utf8Encode } from '../../protocol/index.ts';

/**
 * Where a file of a torrent lies at a web seed (BEP 19): a single file at the address itself, or with the name added when
 * that ends in `/`; of several each at the address, the torrent's name and the path.
 */
export function webSeedUrl(base: string, info: Info, file: number): string {
  const address = base.replace(/#.*$/, '');
  return info.multiFile || address.endsWith('/') ? join(address, seedPath(info, file)) : address;
}

/** Whether a web seed can be tried at all: BEP 19 allows FTP too, which no browser speaks any more. */
export function isHttpUrl(url: string): boolean {
  return /^https?:\/\/[^/?#]/i.test(url);
}

/** An address with a query keeps it at its end, unless the query is what takes the path. */
function join(base: string, path: string): string {
  const query = /[/=]$/.test(base) ? -1 : base.indexOf('?');
  if (query >= 0) return join(base.slice(0, query), path) + base.slice(query);
  return /[/=]$/.test(base) ? base + path : `${base}/${path}`;
}

/**
 * The escaped path of a file as its publisher spelt it: what was changed to make it safe here was not changed there.
 */
function seedPath(info: Info, index: number): string {
  const { path, rawPath } = info.files[index]!;
  if (!info.multiFile) return component(info.rawName ?? rawPath[0], info.name);
  const below =
    rawPath.length === 0 || rawPath.some(isDots)
      ? path.slice(1).map((part) => escapeBytes(utf8Encode(part)))
      : rawPath.map(escapeBytes);
  return [component(info.rawName, info.name), ...below].join('/');
}

/** Components of dots would climb out of the address; a server resolves them even when they are escaped. */
function component(raw: Uint8Array | undefined, safe: string): string {
  return escapeBytes(raw === undefined || isDots(raw) ? utf8Encode(safe) : raw);
}

function isDots(bytes: Uint8Array): boolean {
  return bytes.length <= 2 && bytes.every((byte) => byte === 0x2e);
}

function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9\-._~!*'()]/.test(char)
      ? char
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
