/** Media types by file name, of what people put into torrents and players ask for. */

const TYPES: readonly string[] = [
  'video/mp4 mp4 m4v',
  'video/webm webm',
  'video/x-matroska mkv',
  'video/quicktime mov',
  'video/x-msvideo avi',
  'video/mp2t ts m2ts',
  'video/mpeg mpg mpeg',
  'video/ogg ogv',
  'audio/mpeg mp3',
  'audio/mp4 m4a',
  'audio/aac aac',
  'audio/flac flac',
  'audio/ogg oga ogg opus',
  'audio/wav wav',
  'image/jpeg jpg jpeg',
  'image/png png',
  'image/gif gif',
  'image/webp webp',
  'image/avif avif',
  'image/svg+xml svg',
  'text/plain txt log nfo',
  'text/html html htm',
  'text/css css',
  'text/javascript js mjs',
  'text/vtt vtt',
  'text/markdown md',
  'text/csv csv',
  'application/x-subrip srt',
  'application/json json',
  'application/pdf pdf',
  'application/epub+zip epub',
  'application/zip zip',
  'application/gzip gz',
  'application/x-tar tar',
  'application/x-7z-compressed 7z',
  'application/x-bittorrent torrent',
  'application/wasm wasm',
  'application/xml xml',
];

const byExtension = /* @__PURE__ */ new Map(
  TYPES.flatMap((line) => {
    const [type, ...extensions] = line.split(' ');
    return extensions.map((extension) => [extension, type!] as const);
  }),
);

/** The media type that fits the file's name; `application/octet-stream` if none is known. */
export function mediaType(name: string): string {
  const dot = name.lastIndexOf('.');
  return byExtension.get(name.slice(dot + 1).toLowerCase()) ?? 'application/octet-stream';
}
