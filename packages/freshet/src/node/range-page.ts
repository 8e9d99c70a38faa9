/** What the range server says in words: its index page and its headers with names in them. */

export interface ServedEntry {
  readonly name: string;
  /** Address of the entry, relative to the index or absolute. */
  readonly href: string;
  /** Bytes, where that means something. */
  readonly length?: number | undefined;
}

/** A page of links: the torrents of a client, or the files of a torrent. */
export interface ServedIndex {
  readonly title: string;
  readonly entries: readonly ServedEntry[];
}

export function indexPage(index: ServedIndex): string {
  const title = escapeHtml(index.title);
  const rows = index.entries.map(({ name, href, length }) => {
    const size = length === undefined ? '' : ` <small>${formatBytes(length)}</small>`;
    // Only a path may be linked: `javascript:` in a torrent's name must stay a name.
    const target = /^[a-z][a-z0-9+.-]*:/i.test(href) ? `./${href}` : href;
    return `<li><a href="${escapeHtml(target)}">${escapeHtml(name)}</a>${size}</li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}small{opacity:.7}</style>
<h1>${title}</h1>
${rows.length === 0 ? '<p>There is nothing here yet.</p>' : `<ol>\n${rows.join('\n')}\n</ol>`}
</html>
`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toLocaleString('en', { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit]}`;
}
