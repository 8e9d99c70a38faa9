import {
  type BencodeDict,
  decodeDictWithRanges,
  dictBytes,
  dictDict,
  dictList,
  fromBinaryString,
  type Info,
  utf8Encode,
} from '../../protocol/index.ts';

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
  const raw = info.hasV1 ? listedPaths(dict) : treePaths(dict, info);
  const name = dictBytes(dict, 'name.utf-8') ?? dictBytes(dict, 'name');
  if (!info.multiFile) return [component(info.hasV1 ? name : raw[0]?.[0], info.name)];
  return info.files.map((file, i) => {
    const parts = raw[i] ?? [];
    const below =
      parts.length === 0 || parts.some(isDots)
        ? file.path.slice(1).map((part) => escapeBytes(utf8Encode(part)))
        : parts.map(escapeBytes);
    return [component(name, info.name), ...below].join('/');
  });
}

/** Paths of version 1, as bytes, in the torrent's order. */
function listedPaths(dict: BencodeDict): Uint8Array[][] {
  return (dictList(dict, 'files') ?? []).map((entry) => {
    const raw = entry instanceof Map ? (dictList(entry, 'path.utf-8') ?? dictList(entry, 'path') ?? []) : [];
    return raw.filter((part) => part instanceof Uint8Array);
  });
}

/** Paths of version 2 (BEP 52), by the number of the file; padding that is not in the tree has none. */
function treePaths(dict: BencodeDict, info: Info): Uint8Array[][] {
  const leaves: Uint8Array[][] = [];
  const collect = (folder: BencodeDict, above: Uint8Array[]): void => {
    for (const key of [...folder.keys()].sort()) {
      const entry = folder.get(key);
      const path = [...above, fromBinaryString(key)!];
      if (!(entry instanceof Map)) continue;
      if (entry.has('')) leaves.push(path);
      else collect(entry, path);
    }
  };
  collect(dictDict(dict, 'file tree') ?? new Map(), []);
  let next = 0;
  return info.files.map(({ padding, length, piecesRoot }) =>
    padding && length > 0 && piecesRoot === undefined ? [] : leaves[next++]!,
  );
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
