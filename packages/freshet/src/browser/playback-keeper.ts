/** Takes a film up again that broke off: a service worker that was stopped, a connection that was lost. */

/** Milliseconds before the attempts to go on: half a minute in all, for a network that is cut. */
const WAITS: readonly number[] = [0, 500, 1000, 2000, 4000, 8000, 8000, 8000];
/** Attempts where there is no network between: what is not there after seconds will not come. */
const LOCAL_ATTEMPTS = 5;
/** `MediaError.code`, and what one is when nothing could be loaded at all. */
const NETWORK = 2;
const NOT_SUPPORTED = 4;
/** Seconds of film after which what happened before is forgotten. */
const PROGRESS = 1;

/** What of `<video>` and `<audio>` is used. */
type Media = Pick<
  HTMLMediaElement,
  'src' | 'currentTime' | 'paused' | 'error' | 'load' | 'play' | keyof EventTarget
>;

export interface Position {
  /** In seconds. */
  readonly time: number;
  readonly playing: boolean;
}

/**
 * Gives the element an address, and goes on where it was when loading breaks off. Listeners on the element hear of an
 * error only when nothing can be done about it.
 */
export class PlaybackKeeper {
  readonly #element: { src: string };
  readonly #onFailed: () => void;
  readonly #local: boolean;
  /** As the element spells it. */
  readonly #src: string;
  #attempts = 0;
  #last: Position | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param options.local the address is answered by this browser itself. Of another one that never gave anything
   *   `onFailed` is told at once: it may be wrong, or not be reachable from this page.
   * @param options.onFailed the address is not to be used any longer. Called once.
   */
  constructor(
    element: { src: string },
    url: string,
    options: { readonly local: boolean; readonly from?: Position | undefined; onFailed(): void },
  ) {
    this.#element = element;
    this.#local = options.local;
    this.#onFailed = () => options.onFailed();
    element.src = url;
    this.#src = element.src;
    if (isMedia(element) && options.from !== undefined) goOn(element, options.from);
    // Before the page's own listeners.
    if (element instanceof EventTarget) element.addEventListener('error', this.#onError, { capture: true });
  }

  /** Leaves the element as it is. Returns where it was, if it had been playing at all. */
  end(): Position | undefined {
    clearTimeout(this.#timer);
    if (this.#element instanceof EventTarget)
      this.#element.removeEventListener('error', this.#onError, { capture: true });
    return this.#last;
  }

  readonly #onError = (event: Event): void => {
    const element = this.#element;
    if (element.src !== this.#src) {
      // The page has given it something else.
      this.end();
      return;
    }
    const media = isMedia(element) ? element : undefined;
    const code = media?.error?.code;
    const broken = code === NETWORK || (code === NOT_SUPPORTED && this.#attempts > 0);
    const useless = this.#attempts === 0 && !broken && (media === undefined || code === NOT_SUPPORTED);
    if (media !== undefined && broken && this.#retry(media)) event.stopImmediatePropagation();
    else if (broken || (useless && !this.#local)) {
      event.stopImmediatePropagation();
      this.end();
      this.#onFailed();
    }
  };

  #retry(media: Media): boolean {
    const { currentTime: time, paused } = media;
    // An attempt that came to nothing has lost the place.
    if (this.#last === undefined || time > this.#last.time + PROGRESS) {
      this.#attempts = 0;
      this.#last = { time, playing: !paused };
    }
    const wait = WAITS[this.#attempts++];
    if (wait === undefined || (this.#local && this.#attempts > LOCAL_ATTEMPTS)) return false;
    const from = { time: this.#last.time, playing: this.#last.playing };
    this.#timer = setTimeout(() => {
      if (media.src !== this.#src) return;
      media.load();
      goOn(media, from);
    }, wait);
    return true;
  }
}

function goOn(media: Media, { time, playing }: Position): void {
  // Before the film's head is there this is where it will begin.
  media.currentTime = time;
  if (playing) media.play().catch(() => undefined);
}

function isMedia(element: { src: string }): element is Media {
  return 'currentTime' in element && element instanceof EventTarget;
}
