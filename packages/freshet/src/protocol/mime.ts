/** Media types of files by the ending of their names: what players, pages and downloads need. */

const TYPES: readonly (readonly [type: string, endings: string])[] = [
  ['video/mp4', 'mp4 m4v'],
  ['video/webm', 'webm'],
  ['video/x-matroska', 'mkv'],
  ['video/quicktime', 'mov'],
  ['video/ogg', 'ogv'],
  ['video/mp2t', 'ts m2ts'],
  ['video/x-msvideo', 'avi'],
  ['video/mpeg', 'mpg mpeg'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp4', 'm4a m4b'],
  ['audio/aac', 'aac'],
  ['audio/flac', 'flac'],
  ['audio/ogg', 'ogg oga opus'],
  ['audio/wav', 'wav'],
  ['audio/webm', 'weba'],
  ['image/jpeg', 'jpg jpeg'],
  ['image/png', 'png'],
  ['image/gif', 'gif'],
  ['image/webp', 'webp'],
  ['image/avif', 'avif'],
  ['image/svg+xml', 'svg'],
  ['image/bmp', 'bmp'],
  ['image/x-icon', 'ico'],
  ['text/vtt; charset=utf-8', 'vtt'],
  ['application/x-subrip; charset=utf-8', 'srt'],
  ['text/plain; charset=utf-8', 'txt md nfo log ass ssa'],
  ['text/html; charset=utf-8', 'html htm'],
  ['text/css; charset=utf-8', 'css'],
  ['text/csv; charset=utf-8', 'csv'],
  ['text/javascript; charset=utf-8', 'js mjs'],
  ['application/json', 'json map'],
  ['application/xml', 'xml'],
  ['application/wasm', 'wasm'],
  ['application/pdf', 'pdf'],
  ['application/epub+zip', 'epub'],
  ['application/zip', 'zip'],
  ['application/gzip', 'gz tgz'],
  ['application/x-7z-compressed', '7z'],
  ['application/x-tar', 'tar'],
  ['application/vnd.apple.mpegurl', 'm3u8'],
  ['application/dash+xml', 'mpd'],
  ['application/x-bittorrent', 'torrent'],
];

const BY_ENDING: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  TYPES.flatMap(([type, endings]) => endings.split(' ').map((ending) => [ending, type] as const)),
);

/** Value for the `Content-Type` header of the file `name`, which may be a path. */
export function contentType(name: string): string {
  const ending = /\.([^./\\]+)$/.exec(name)?.[1]?.toLowerCase();
  return (ending === undefined ? undefined : BY_ENDING.get(ending)) ?? 'application/octet-stream';
}
