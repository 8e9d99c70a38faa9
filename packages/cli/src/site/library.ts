/** The list of the site's films and other files. */

import type { File } from 'freshet';
import { mediaKind } from 'freshet-player';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { byId, make, setText } from './dom.ts';
import type { TorrentDescription } from './site-api.ts';

export interface LibraryActions {
  play(torrent: TorrentDescription, path: string): void;
  /** Resolves with the file once the torrent is open. */
  open(torrent: TorrentDescription, path: string): Promise<File>;
  failed(error: unknown): void;
}

/** Shows the list, if there is anything in it to choose. */
export function showLibrary(torrents: readonly TorrentDescription[], actions: LibraryActions): void {
  const list = byId('files', HTMLUListElement);
  const items = torrents.flatMap((torrent) => torrent.files.map((file) => item(torrent, file, actions)));
  list.replaceChildren(...items);
  byId('library', HTMLElement).hidden = items.length < 2;
}

/** Marks what is shown. */
export function markShown(infoHash: string | undefined, path: string): void {
  for (const item of byId('files', HTMLUListElement).children) {
    const { dataset } = item as HTMLElement;
    if (dataset['infoHash'] === infoHash && dataset['path'] === path)
      item.setAttribute('aria-current', 'true');
    else item.removeAttribute('aria-current');
  }
}

function item(
  torrent: TorrentDescription,
  file: TorrentDescription['files'][number],
  actions: LibraryActions,
): HTMLLIElement {
  const row = make('li');
  row.dataset['infoHash'] = torrent.infoHash;
  row.dataset['path'] = file.path;
  const media = mediaKind(file) !== undefined;
  const button = make('button', '', media ? 'Play' : 'Save');
  button.type = 'button';
  button.setAttribute('aria-label', `${media ? 'Play' : 'Save'} ${file.path}`);
  row.append(make('span', 'name', file.path), make('span', 'size', formatBytes(file.length)), button);
  button.addEventListener('click', () => {
    if (media) {
      actions.play(torrent, file.path);
      return;
    }
    button.disabled = true;
    actions
      .open(torrent, file.path)
      .then((opened) => save(opened, button))
      .catch(actions.failed)
      .finally(() => {
        button.disabled = false;
        setText(button, 'Save');
      });
  });
  return row;
}

/** Downloads the file and hands it to the browser. */
async function save(file: File, button: HTMLButtonElement): Promise<void> {
  file.select();
  const timer = setInterval(() => setText(button, formatPercent(file.progress)), 500);
  try {
    const url = URL.createObjectURL(await file.blob());
    const link = make('a');
    link.href = url;
    link.download = file.name;
    link.click();
    // The browser has taken its own hold of the bytes by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } finally {
    clearInterval(timer);
  }
}
