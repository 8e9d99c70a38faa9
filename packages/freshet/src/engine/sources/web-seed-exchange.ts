import type { HttpExchange, HttpHead } from '../ports.ts';
import type { RateShare } from '../rate-limiter.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import { type Asked, judge, type RunFailure, waitInBody } from './web-seed-response.ts';

/** What a run hears from the request that is out. Any of these may abort the exchange. */
export interface ExchangeHandler {
  /** Most bytes of an answer that may be thrown away. */
  allowance(): number;
  /**
   * The body follows, of which the first `skip` bytes are thrown away. `latency` is in milliseconds, `whole` that a file
   * came where a part was asked for.
   */
  onAnswer(answered: string, latency: number, whole: boolean, skip: number): void;
  /** Every byte of the body, those included that are thrown away, before `onBody` gets what is left. */
  onReceived(bytes: number, thrownAway: number): void;
  /** The next bytes of the range, valid during the call. */
  onBody(bytes: Uint8Array): void;
  /** The body came to its end, all there. */
  onDone(): void;
  onFailed(failure: RunFailure): void;
  /** A body that is through but for its end: its connection is reusable once that has been seen. */
  linger(exchange: HttpExchange): void;
  lingered(exchange: HttpExchange): void;
}

/** Characters in which a server says how long to wait. */
const MAX_REFUSAL = 32;

/** One range request, from the address to its last byte, within the download limit. */
export class RangeExchange {
  readonly file: number;
  readonly #host: WebSeedHost;
  readonly #share: RateShare;
  readonly #asked: Asked;
  readonly #handler: ExchangeHandler;
  readonly #exchange: HttpExchange;
  readonly #sentAt: number;
  /** Bytes still to come; -1 before the head. */
  #left = -1;
  /** What a body that says how long to wait has said so far. */
  #refusal: { readonly failure: RunFailure; text: string } | undefined;
  /** Bytes to throw away first. */
  #skip = 0;
  #closed = false;
  /** The download limit has no room. */
  #limited = false;
  /** Others go first. */
  #held = false;
  #progressAt: number;

  constructor(host: WebSeedHost, asked: Asked, handler: ExchangeHandler) {
    this.file = asked.file;
    this.#host = host;
    this.#share = host.downloadLimiter.share();
    this.#asked = asked;
    this.#handler = handler;
    this.#sentAt = host.clock.now();
    this.#progressAt = this.#sentAt;
    const { url, first, last, style } = asked;
    this.#exchange = host.http.get(style === 'range' ? { url, range: { first, last } } : { url }, {
      onHead: (head) => {
        if (!this.#closed) this.#onHead(head);
      },
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => this.#onEnd(),
      onError: (error) => {
        handler.lingered(this.#exchange);
        this.#fail('network', error.message);
      },
    });
    if (!this.#share.open) this.#limit();
  }

  /** Milliseconds since the server last sent something, not counting our own pauses. */
  silence(now: number): number {
    return this.#limited || this.#held ? 0 : now - this.#progressAt;
  }

  /** Takes nothing more for now. What is on its way stays there, so that nothing is sent twice. */
  hold(): void {
    if (this.#held || this.#closed) return;
    this.#held = true;
    if (!this.#limited) this.#exchange.pause();
  }

  /** Goes on after `hold`. */
  release(): void {
    if (!this.#held || this.#closed) return;
    this.#held = false;
    this.#goOn();
  }

  /** Nothing is called any more. The exchange is aborted unless it is through anyway. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#share.forget();
    if (this.#left !== 0) {
      this.#exchange.abort();
      return;
    }
    if (this.#limited || this.#held) this.#exchange.resume();
    this.#handler.linger(this.#exchange);
  }

  #onHead(head: HttpHead): void {
    const { clock } = this.#host;
    const asked = this.#asked;
    this.#progressAt = clock.now();
    const verdict = judge(head, asked, this.#handler.allowance(), clock.wallTime());
    if (verdict.kind === 'refused' && verdict.waitInBody === true) {
      this.#refusal = { failure: verdict.failure, text: '' };
      return;
    }
    if (verdict.kind === 'refused') {
      this.close();
      this.#handler.onFailed(verdict.failure);
      return;
    }
    this.#left = verdict.length;
    this.#skip = verdict.skip;
    // Of a whole file that was asked for as such nothing can be learnt.
    const whole = verdict.whole && asked.last - asked.first + 1 < asked.fileLength;
    this.#handler.onAnswer(head.url, clock.now() - this.#sentAt, whole, verdict.skip);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed) {
      // More than was announced, after the last byte.
      this.#exchange.abort();
      this.#handler.lingered(this.#exchange);
      return;
    }
    const { clock } = this.#host;
    this.#progressAt = clock.now();
    this.#share.take(chunk.length);
    if (this.#refusal !== undefined) {
      this.#onRefusal(this.#refusal, chunk);
      return;
    }
    const skipped = Math.min(this.#skip, chunk.length);
    this.#handler.onReceived(chunk.length, skipped);
    if (chunk.length > this.#left) {
      this.#fail('wrong', `The web seed ${this.#asked.url} sends more than it announced.`);
      return;
    }
    this.#left -= chunk.length;
    this.#skip -= skipped;
    if (skipped > 0) this.#host.onWasted(skipped);
    if (skipped < chunk.length) this.#handler.onBody(chunk.subarray(skipped));
    if (!this.#closed && this.#left > 0 && !this.#share.open) this.#limit();
  }

  #onEnd(): void {
    this.#handler.lingered(this.#exchange);
    if (this.#closed) return;
    if (this.#refusal !== undefined) {
      const { failure, text } = this.#refusal;
      this.close();
      this.#handler.onFailed({ ...failure, wait: waitInBody(text) });
      return;
    }
    if (this.#left !== 0) {
      this.#fail('network', `The web seed ${this.#asked.url} ended too early.`);
      return;
    }
    this.#closed = true;
    this.#handler.onDone();
  }

  #onRefusal(refusal: { readonly failure: RunFailure; text: string }, chunk: Uint8Array): void {
    refusal.text += String.fromCharCode(...chunk.subarray(0, MAX_REFUSAL));
    if (refusal.text.length < MAX_REFUSAL) return;
    // A page for people.
    this.close();
    this.#handler.onFailed(refusal.failure);
  }

  #fail(kind: RunFailure['kind'], message: string): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onFailed({ kind, file: this.file, url: this.#asked.url, message });
  }

  #limit(): void {
    if (this.#limited) return;
    this.#limited = true;
    if (!this.#held) this.#exchange.pause();
    this.#share.wait(this.#wake);
  }

  readonly #wake = (): void => {
    this.#limited = false;
    this.#goOn();
  };

  #goOn(): void {
    if (this.#limited || this.#held) return;
    this.#progressAt = this.#host.clock.now();
    this.#exchange.resume();
  }
}
