/** The page that `freshet serve` shows: a film out of the swarm, and where its bytes come from. */

import type { Client, Torrent } from 'freshet';
import { chooseFile, FreshetVideo, sharedClient } from 'freshet-player';
import { addressOf, names, parseAddress, siteTracker } from './address.ts';
import { Dashboard, type Numbers } from './dashboard.ts';
import { byId, setText } from './dom.ts';
import { markShown, showLibrary } from './library.ts';
import { setUpSharing } from './share.ts';
import {
  billSentence,
  fetchBill,
  fetchSite,
  type SiteDescription,
  type TorrentDescription,
} from './site-api.ts';

/** What the page shows of itself, for tests and the curious. */
interface Exposed {
  readonly client: Client;
  readonly player: FreshetVideo;
  readonly torrent: Torrent | undefined;
  numbers(): Numbers | undefined;
}

declare global {
  interface Window {
    freshet?: Exposed;
  }
}

/** Milliseconds between two looks at what the site has sent. */
const BILL_INTERVAL = 5_000;

class Page {
  readonly #client: Client;
  readonly #player = byId('player', FreshetVideo);
  readonly #dashboard: Dashboard;
  readonly #site: SiteDescription;
  readonly #tracker = siteTracker(location.href);
  readonly #title = byId('title', HTMLHeadingElement);
  readonly #problem = byId('problem', HTMLParagraphElement);
  #shown: Torrent | undefined;
  /** The torrents of the site that have been opened. */
  readonly #opened = new Map<string, Torrent>();

  constructor(site: SiteDescription) {
    this.#site = site;
    this.#client = sharedClient({
      tracker: site.iceServers === undefined ? true : { rtcConfig: { iceServers: site.iceServers } },
    });
    this.#dashboard = new Dashboard(this.#player.video);
    const page = this;
    window.freshet = {
      client: this.#client,
      player: this.#player,
      get torrent() {
        return page.#shown;
      },
      numbers: () => this.#dashboard.numbers,
    };
    this.#client.on('error', (error) => this.#fail(error));
    this.#player.addEventListener('metadata', ({ detail: { file } }) => {
      this.#dashboard.showFile(file);
      markShown(this.#shown?.infoHash, file.path);
      this.#setTitle(readable(file.name));
    });
    // What the viewer waits for comes first, and only then all the rest.
    this.#player.video.addEventListener('loadeddata', () => this.#player.file?.select());
    // The player shows its own problems; here they can be read at leisure.
    this.#player.addEventListener('error', ({ detail: { error } }) => this.#fail(error));
    addEventListener('hashchange', () => this.open());
    showLibrary(site.torrents, {
      play: (torrent, path) => {
        if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
        this.#show(this.#openOwn(torrent), path);
      },
      open: async (torrent, path) => {
        const { files } = await this.#openOwn(torrent).untilReady();
        const file = files.find((one) => one.path === path);
        if (file === undefined)
          throw new Error(`\u201c${path}\u201d is no longer in \u201c${torrent.name}\u201d.`);
        return file;
      },
      failed: (error) => this.#fail(error),
    });
    setUpSharing({
      seed: (files, onProgress) => this.#client.seed(files, { announce: [this.#tracker], onProgress }),
      linkTo: (torrent) => addressOf(location.href, torrent.magnetURI ?? ''),
      shared: (torrent) => {
        if (chooseFile(torrent.files, undefined) !== undefined) this.#show(torrent);
      },
    });
    void this.#showBill();
  }

  /** Shows what the address names, or else the site's first film. */
  open(): void {
    this.#problem.hidden = true;
    try {
      const address = parseAddress(location.hash);
      const own =
        address === undefined
          ? (this.#site.torrents.find((torrent) => chooseFile(torrent.files, undefined) !== undefined) ??
            this.#site.torrents[0])
          : this.#site.torrents.find((torrent) => names(address.hashes, torrent));
      if (own !== undefined) this.#show(this.#openOwn(own));
      else if (address !== undefined) void this.#showOther(address.id);
      else this.#setTitle('Nothing to watch here yet');
    } catch (error) {
      this.#fail(error);
    }
  }

  #openOwn(described: TorrentDescription): Torrent {
    const known = this.#opened.get(described.infoHash);
    if (known?.destroyed === false) return known;
    // The site's torrent file is there at once; a magnet link's would first have to be asked of peers.
    const torrent = this.#client.add(new URL(described.torrent, location.href).href, { deselect: true });
    this.#opened.set(described.infoHash, torrent);
    return torrent;
  }

  async #showOther(id: string): Promise<void> {
    try {
      const known = await this.#client.get(id);
      this.#show(known ?? this.#client.add(id, { deselect: true, announce: [this.#tracker] }));
    } catch (error) {
      this.#fail(error);
    }
  }

  #show(torrent: Torrent, path?: string): void {
    this.#problem.hidden = true;
    this.#shown = torrent;
    this.#setTitle(readable(torrent.name ?? 'Freshet'));
    this.#dashboard.show(torrent);
    torrent.on('warning', (error) => console.info(error.message));
    void this.#player.show(torrent, path);
  }

  #setTitle(name: string): void {
    setText(this.#title, name);
    document.title = `${name} \u2013 Freshet`;
  }

  #fail(error: unknown): void {
    setText(this.#problem, error instanceof Error ? error.message : String(error));
    this.#problem.hidden = false;
  }

  async #showBill(): Promise<void> {
    const bill = byId('bill', HTMLParagraphElement);
    if (!document.hidden) {
      try {
        const { viewers: got = 0, uploaded: gave = 0 } = this.#dashboard.numbers ?? {};
        setText(bill, billSentence(await fetchBill(), { got, gave }));
      } catch (error) {
        // What is here goes on to play without the site.
        setText(bill, error instanceof Error ? error.message : String(error));
      }
    }
    setTimeout(() => void this.#showBill(), BILL_INTERVAL);
  }
}

/** A file name as a title: `the-lake_at.night.mp4` becomes `the lake at night`. */
function readable(name: string): string {
  const stem = name
    .replace(/\.[a-z0-9]{1,5}$/i, '')
    .replace(/[._-]+/g, ' ')
    .trim();
  return stem === '' ? name : stem[0]!.toUpperCase() + stem.slice(1);
}

fetchSite().then(
  (site) => new Page(site).open(),
  (error: unknown) => {
    const problem = byId('problem', HTMLParagraphElement);
    setText(problem, error instanceof Error ? error.message : String(error));
    problem.hidden = false;
    setText(byId('state', HTMLParagraphElement), 'Stopped');
  },
);
