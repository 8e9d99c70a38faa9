import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressResolver } from './address.ts';
import type { TrackerCore } from './core.ts';
import { answerAnnounce, answerScrape } from './http-answers.ts';
import { statsPage } from './stats-page.ts';

/** Milliseconds for which a stats answer is reused, so that no crowd of dashboards costs anything. */
const STATS_LIFETIME = 1_000;

interface CachedText {
  readonly text: string;
  readonly until: number;
}

/** The HTTP side of the tracker: announce (BEP 3, 7, 23), scrape (BEP 48), stats and health. */
export class HttpTracker {
  readonly #core: TrackerCore;
  readonly #addressOf: AddressResolver;
  readonly #announces: boolean;
  #statsPage: CachedText | undefined;
  #statsJson: CachedText | undefined;

  /** @param announces false leaves `/announce` and `/scrape` to others */
  constructor(core: TrackerCore, addressOf: AddressResolver, announces: boolean) {
    this.#core = core;
    this.#addressOf = addressOf;
    this.#announces = announces;
  }

  /** Answers a request for one of the tracker's paths; false, with nothing done, for any other. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? '' : url.slice(mark + 1);
    const serve = this.#route(path, query, request, response);
    if (serve === undefined) return false;
    this.#core.counters.httpRequests++;
    response.on('error', () => response.destroy());
    if (request.method === 'GET' || request.method === 'HEAD') {
      serve();
    } else {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, 'text/plain; charset=utf-8', 'Only GET is allowed here.\n');
    }
    return true;
  }

  /** Tells a person who opened the tracker's address in a browser what is here. */
  notFound(response: ServerResponse): void {
    const paths = this.#announces
      ? '/announce, /scrape, /stats, /stats.json or /health'
      : '/stats, /stats.json or /health';
    send(response, 404, 'text/plain; charset=utf-8', `This is a BitTorrent tracker. Try ${paths}.\n`);
  }

  #route(
    path: string,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): (() => void) | undefined {
    switch (path) {
      case '/announce':
        return this.#announces ? () => this.#announce(query, request, response) : undefined;
      case '/scrape':
        return this.#announces ? () => sendBencoded(response, answerScrape(this.#core, query)) : undefined;
      case '/stats':
        return () => send(response, 200, 'text/html; charset=utf-8', this.#page());
      case '/stats.json':
        return () => send(response, 200, 'application/json', this.#json());
      case '/health':
        return () => send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
      default:
        return undefined;
    }
  }

  #announce(query: string, request: IncomingMessage, response: ServerResponse): void {
    const host = this.#addressOf(request);
    if (host === undefined) {
      response.destroy();
      return;
    }
    const answer = answerAnnounce(this.#core, query, host);
    if (answer instanceof Promise) {
      answer.then(
        (body) => sendBencoded(response, body),
        (error: unknown) => this.#core.reportError(error),
      );
    } else {
      sendBencoded(response, answer);
    }
  }

  #page(): string {
    this.#statsPage = this.#fresh(this.#statsPage, () => statsPage(this.#core.stats()));
    return this.#statsPage.text;
  }

  #json(): string {
    this.#statsJson = this.#fresh(this.#statsJson, () => `${JSON.stringify(this.#core.stats())}\n`);
    return this.#statsJson.text;
  }

  #fresh(cached: CachedText | undefined, make: () => string): CachedText {
    const now = this.#core.now();
    return cached !== undefined && now < cached.until
      ? cached
      : { text: make(), until: now + STATS_LIFETIME };
  }
}

/** Failures too come with status 200 (BEP 3): what is not 200 clients take for a broken server. */
function sendBencoded(response: ServerResponse, body: Uint8Array): void {
  send(response, 200, 'text/plain', body);
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.statusCode = status;
  response.setHeader('content-type', type);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  response.end(body);
}
