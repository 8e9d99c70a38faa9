/** Seeding what the visitor drops on the page. */

import type { Torrent } from 'freshet';
import { formatPercent } from '../ui/format.ts';
import { byId, setText } from './dom.ts';

export interface ShareActions {
  /** Begins to seed; the caller waits for the torrent. */
  seed(files: readonly File[], onProgress: (hashed: number, total: number) => void): Torrent;
  /** The link that opens it. */
  linkTo(torrent: Torrent): string;
  shared(torrent: Torrent): void;
}

export function setUpSharing(actions: ShareActions): void {
  const pick = byId('pick', HTMLInputElement);
  const link = byId('link', HTMLInputElement);
  const copy = byId('copy', HTMLButtonElement);
  const shared = byId('shared', HTMLElement);
  const linkBox = byId('shared-link', HTMLElement);
  const state = byId('shared-state', HTMLElement);

  const share = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    shared.hidden = false;
    linkBox.hidden = true;
    const what = files.length === 1 ? `\u201c${files[0]!.name}\u201d` : `${files.length} files`;
    setText(state, `Reading ${what}\u2026`);
    try {
      const torrent = actions.seed(files, (hashed, total) =>
        setText(state, `Reading ${what}: ${formatPercent(hashed / (total || 1))}`),
      );
      await torrent.untilDone();
      link.value = actions.linkTo(torrent);
      linkBox.hidden = false;
      setText(state, `${what} can be had from this tab as long as it is open.`);
      actions.shared(torrent);
    } catch (error) {
      setText(state, `${what} cannot be shared: ${error instanceof Error ? error.message : String(error)}`);
    }
  };

  pick.addEventListener('change', () => {
    void share([...(pick.files ?? [])]);
    pick.value = '';
  });
  link.addEventListener('focus', () => link.select());
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(link.value).then(
      () => {
        setText(copy, 'Copied');
        setTimeout(() => setText(copy, 'Copy'), 2000);
      },
      () => link.select(),
    );
  });
  acceptDrops((files) => void share(files));
}

/** Anywhere on the page: who misses the box should not see the file opened in place of the page. */
function acceptDrops(accept: (files: readonly File[]) => void): void {
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
  let depth = 0;
  const mark = (change: number): void => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle('dragging', depth > 0);
  };
  addEventListener('dragenter', (event) => {
    if (hasFiles(event)) mark(1);
  });
  addEventListener('dragleave', (event) => {
    if (hasFiles(event)) mark(-1);
  });
  addEventListener('dragover', (event) => {
    if (!hasFiles(event) || event.dataTransfer === null) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    accept([...(event.dataTransfer?.files ?? [])]);
  });
}
