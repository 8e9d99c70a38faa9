/** `<freshet-video>`: a film that comes from the swarm. */

import type { Client, Delivery, File, StatsSnapshot, Torrent } from 'freshet';
import { chooseFile, mediaKind } from './choose-file.ts';
import { mediaErrorSentence, sentence } from './messages.ts';
import { acquireTorrent, ensureServer, releaseTorrent, sharedClient } from './shared-client.ts';
import { createView, type View } from './view.ts';

/** Events of `<freshet-video>`, beside those that every element has. None bubbles. */
export interface FreshetVideoEventMap {
  /** The torrent's files are known, and which of them is shown. */
  metadata: CustomEvent<{ torrent: Torrent; file: File }>;
  /** What is counted has changed; at most four times a second. */
  stats: CustomEvent<StatsSnapshot>;
  /** Nothing more will come. `message` is a sentence for people; it is shown in the element too. */
  error: CustomEvent<{ error: Error; message: string }>;
}

const STATS_INTERVAL = 250;
/** Passed on to the `<video>` inside. */
const PASSED_ON = ['controls', 'loop', 'muted', 'poster', 'playsinline'] as const;
// This module can be loaded, as for server rendering, where there are no elements.
const Base: typeof HTMLElement =
  typeof HTMLElement === 'undefined' ? (class {} as typeof HTMLElement) : HTMLElement;

/**
 * Plays a file of a torrent while it downloads. Attributes:
 *
 * - `src`: magnet link, address of a `.torrent` file, or info-hash.
 * - `file`: path, name or place of the file; default the largest film that the browser can play.
 * - `web-seed`, `tracker`: addresses to use beside the torrent's own, separated by spaces.
 * - `service-worker`: address of `freshet-sw.js`; default beside the page.
 * - `autoplay`: plays as soon as there is a picture; without sound, and with a button for it, where the browser
 *   does not let a page begin with sound.
 * - `controls`, `loop`, `muted`, `poster`, `playsinline`: as of `<video>`.
 */
export class FreshetVideo extends Base {
  static readonly observedAttributes: readonly string[] = [
    'src',
    'file',
    'web-seed',
    'tracker',
    'autoplay',
    ...PASSED_ON,
  ];

  readonly #view: View;
  #torrent: Torrent | undefined;
  #file: File | undefined;
  /** The element added the torrent and gives it back. */
  #acquired = false;
  /** Changes with every source, so that what was begun for an earlier one ends itself. */
  #generation = 0;
  #pending = false;
  #stopListening: (() => void) | undefined;
  #stopDelivery: (() => void) | undefined;

  constructor() {
    super();
    this.#view = createView(this.attachShadow({ mode: 'open' }));
    const { video, soundButton } = this.#view;
    video.addEventListener('error', () => {
      if (video.error !== null && this.#file !== undefined)
        this.#fail(new Error(mediaErrorSentence(video.error, this.#file)));
    });
    video.addEventListener('volumechange', () => {
      if (!video.muted) this.#view.offerSound(false);
    });
    // What has been heard about is over as soon as there is a picture.
    video.addEventListener('playing', () => this.#view.say(undefined));
    soundButton.addEventListener('click', () => {
      video.muted = false;
      this.#view.offerSound(false);
      video.play().catch(() => undefined);
    });
  }

  /** The client that all elements of the page share. */
  get client(): Client {
    return sharedClient();
  }
  /** What `src` names, once it is added. */
  get torrent(): Torrent | undefined {
    return this.#torrent;
  }
  /** The file that is shown, once the metadata is known. */
  get file(): File | undefined {
    return this.#file;
  }
  /** The element inside: position, volume, and all else that `<video>` has. */
  get video(): HTMLVideoElement {
    return this.#view.video;
  }
  get src(): string {
    return this.getAttribute('src') ?? '';
  }
  set src(value: string) {
    this.setAttribute('src', value);
  }

  connectedCallback(): void {
    this.#schedule();
  }

  disconnectedCallback(): void {
    // Moving an element disconnects and connects it in one go.
    queueMicrotask(() => {
      if (!this.isConnected) this.#clear();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    const { video } = this.#view;
    if (name === 'muted') video.muted = after !== null;
    if ((PASSED_ON as readonly string[]).includes(name)) {
      if (after === null) video.removeAttribute(name);
      else video.setAttribute(name, after);
    } else if (name !== 'autoplay') {
      this.#schedule();
    }
  }

  /** Plays a torrent of this page's client, which stays when the element goes. `file` as of the attribute. */
  async show(torrent: Torrent, file?: File | string): Promise<void> {
    this.#clear();
    this.#pending = false;
    await this.#run(async () => torrent, file);
  }

  override addEventListener<K extends keyof FreshetVideoEventMap>(
    type: K,
    listener: (event: FreshetVideoEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | ((event: never) => void),
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options);
  }

  /** Attributes are often set one after the other; the last of them starts. */
  #schedule(): void {
    if (this.#pending) return;
    this.#pending = true;
    queueMicrotask(() => {
      if (!this.#pending || !this.isConnected) {
        this.#pending = false;
        return;
      }
      this.#pending = false;
      this.#clear();
      const { src } = this;
      if (src === '') return;
      void this.#run(
        async () => {
          const torrent = await acquireTorrent(src, {
            urlList: words(this.getAttribute('web-seed')),
            announce: words(this.getAttribute('tracker')),
          });
          return torrent;
        },
        this.getAttribute('file') ?? undefined,
        true,
      );
    });
  }

  async #run(
    find: () => Promise<Torrent>,
    wanted: File | string | undefined,
    acquired = false,
  ): Promise<void> {
    const generation = this.#generation;
    const stale = (): boolean => generation !== this.#generation;
    this.#view.say('Looking for the film\u2026');
    try {
      const torrent = await find();
      if (stale()) {
        if (acquired) releaseTorrent(torrent);
        return;
      }
      this.#torrent = torrent;
      this.#acquired = acquired;
      this.#listen(torrent);
      ensureServer(this.getAttribute('service-worker') ?? 'freshet-sw.js');
      await torrent.untilReady();
      if (stale()) return;
      const { video } = this.#view;
      const file =
        typeof wanted === 'object'
          ? wanted
          : chooseFile(torrent.files, wanted, (type) => video.canPlayType(type) !== '');
      if (file === undefined) throw new Error(noFileSentence(torrent, wanted as string | undefined));
      if (mediaKind(file) === undefined)
        throw new Error(`\u201c${file.name}\u201d is neither a film nor sound, so it can only be saved.`);
      this.#file = file;
      this.dispatchEvent(new CustomEvent('metadata', { detail: { torrent, file } }));
      this.#stopDelivery = this.#deliver(file);
    } catch (error) {
      if (!stale()) this.#fail(error);
    }
  }

  /** Gives the film to the element, and says what there is to wait for. Returns the way to stop listening. */
  #deliver(file: File): () => void {
    const { video } = this.#view;
    let begun = false;
    const tell = ({ element, kind, url }: Delivery): void => {
      if (element !== video) return;
      this.#view.say(
        kind === 'blob' && url === undefined
          ? 'This browser lets the page stream nothing, so the film plays once it is complete.'
          : 'Waiting for the first bytes\u2026',
      );
      if (url === undefined || begun) return;
      begun = true;
      if (this.hasAttribute('autoplay')) void this.#autoplay(() => this.#file !== file);
    };
    const fail = (error: Error): void => this.#fail(error);
    file.on('delivery', tell).on('error', fail);
    file.streamTo(video);
    return () => file.off('delivery', tell).off('error', fail);
  }

  async #autoplay(stale: () => boolean): Promise<void> {
    const { video } = this.#view;
    try {
      await video.play();
    } catch (error) {
      // What else keeps it from playing, the element's own error event tells.
      if (stale() || !(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      video.muted = true;
      this.#view.offerSound(true);
      await video.play().catch(() => {
        if (!stale()) this.#view.say(undefined);
      });
    }
  }

  #listen(torrent: Torrent): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        this.dispatchEvent(new CustomEvent('stats', { detail: torrent.stats }));
      }, STATS_INTERVAL);
    };
    const fail = (error: Error): void => this.#fail(error);
    const checking = (checked: number, total: number): void =>
      this.#view.say(`Checking what is kept here: ${Math.floor((100 * checked) / (total || 1))}%`);
    torrent.on('download', tell).on('upload', tell).on('verified', tell).on('wire', tell);
    torrent.on('error', fail).on('checking', checking);
    this.#stopListening = () => {
      clearTimeout(timer);
      torrent.off('download', tell).off('upload', tell).off('verified', tell).off('wire', tell);
      torrent.off('error', fail).off('checking', checking);
    };
  }

  #fail(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    const message = sentence(error);
    this.#view.say(message, true);
    this.dispatchEvent(new CustomEvent('error', { detail: { error, message } }));
  }

  #clear(): void {
    this.#generation++;
    const { video } = this.#view;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#stopDelivery?.();
    this.#stopDelivery = undefined;
    this.#file = undefined;
    if (video.hasAttribute('src')) {
      // Ends the request for the stream; without `load` it would go on.
      video.removeAttribute('src');
      video.load();
    }
    this.#view.say(undefined);
    this.#view.offerSound(false);
    if (this.#torrent !== undefined && this.#acquired) releaseTorrent(this.#torrent);
    this.#torrent = undefined;
    this.#acquired = false;
  }
}

function words(text: string | null): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

function noFileSentence(torrent: Torrent, wanted: string | undefined): string {
  const name = torrent.name ?? 'This torrent';
  return wanted === undefined || wanted === ''
    ? `\u201c${name}\u201d has neither a film nor sound in it, so there is nothing to play.`
    : `\u201c${name}\u201d has no file \u201c${wanted}\u201d.`;
}
