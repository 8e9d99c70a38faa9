import { decodeDictWithRanges, dictBytes, dictList, type Info, utf8Encode } from '../../protocol/index.ts';

/**
 * Where the files of a torrent lie at a web seed (BEP 19), one address per file, in the torrent's order: for a
 * single file the address itself, or with the name added when it ends in `/`; for several always the address, the
 * torrent's name and the path.
 */
export function webSeedUrls(base: string, info: Info): string[] {
  const address = base.replace(/#.*$/, '');
  if (!info.multiFile) return [address.endsWith('/') ? join(address, seedPaths(info)[0]!) : address];
  return seedPaths(info).map((path) => join(address, path));
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
 * The escaped path of each file as its publisher spelt it: what was changed to make it safe here was not changed
 * there.
 */
function seedPaths(info: Info): string[] {
  const { dict } = decodeDictWithRanges(info.bytes, { strict: false });
  const name = dictBytes(dict, 'name.utf-8') ?? dictBytes(dict, 'name');
  if (!info.multiFile) return [component(name, info.name)];
  const entries = dictList(dict, 'files') ?? [];
  return info.files.map((file, i) => {
    const entry = entries[i];
    const raw = entry instanceof Map ? (dictList(entry, 'path.utf-8') ?? dictList(entry, 'path') ?? []) : [];
    const parts = raw.filter((part) => part instanceof Uint8Array);
    const below = parts.some(isDots)
      ? file.path.slice(1).map((part) => escapeBytes(utf8Encode(part)))
      : parts.map(escapeBytes);
    return [component(name, info.name), ...below].join('/');
  });
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
