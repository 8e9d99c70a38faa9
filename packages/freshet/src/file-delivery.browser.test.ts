import { describe, expect, it } from 'vitest';
import type { Client } from './api/client.ts';
import type { Delivery, File, StreamRequest } from './api/index.ts';
import { deliverFile } from './file-delivery.browser.ts';
import { PageFileServer } from './file-server.browser.ts';

/** As much of `<img>` as matters here. */
class FakeElement extends EventTarget {
  src = '';
  fail(): void {
    this.dispatchEvent(new Event('error'));
  }
}

const NO_WORKER = 'There is no service worker: client.createServer() takes one.';

function deliver(options: {
  element?: FakeElement;
  addresses?: string[];
  done?: boolean;
  server?: StreamRequest['server'];
  blob?: (signal: AbortSignal) => Promise<Blob>;
}) {
  const { element = new FakeElement(), addresses = [], done = false, server } = options;
  const told: (readonly [string, string | undefined, string | undefined])[] = [];
  const failures: Error[] = [];
  const torrent = new AbortController();
  const file = {
    done,
    blob: ({ signal }: { signal: AbortSignal }) =>
      options.blob?.(signal) ?? Promise.resolve(new Blob(['the film'])),
  };
  deliverFile({
    file: file as unknown as File,
    element,
    server,
    signal: torrent.signal,
    addresses: async () => addresses,
    tell: ({ kind, url, reason }: Delivery) => told.push([kind, url, reason]),
    fail: (error) => failures.push(error),
  });
  return { element, told, failures, torrent };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('A file for an element where there is no service worker', () => {
  it('comes from the web seeds, one after the other, and then as a whole', async () => {
    const { element, told, failures } = deliver({ addresses: ['http://a/film', 'http://b/film'] });
    await turns();
    expect(element.src).toBe('http://a/film');
    element.fail();
    await turns();
    expect(element.src).toBe('http://b/film');
    element.fail();
    await turns();
    expect(element.src).toMatch(/^blob:/);
    expect(await (await fetch(element.src)).text()).toBe('the film');
    expect(told).toEqual([
      ['web-seed', 'http://a/film', NO_WORKER],
      ['web-seed', 'http://b/film', NO_WORKER],
      ['blob', undefined, NO_WORKER],
      ['blob', element.src, NO_WORKER],
    ]);
    expect(failures).toEqual([]);
  });

  it('needs no web seed when all of it is there', async () => {
    const { told } = deliver({ done: true, addresses: ['http://a/film'] });
    await turns();
    expect(told.map(([kind]) => kind)).toEqual(['blob', 'blob']);
  });

  it('says why', async () => {
    const controller = Promise.reject(new Error('Private windows have none.'));
    const server = new PageFileServer({ torrents: [] } as unknown as Client, { controller });
    const { told } = deliver({ server, addresses: ['http://a/film'] });
    await turns();
    expect(told).toEqual([['web-seed', 'http://a/film', 'Private windows have none.']]);
    expect(() => server.pathname).toThrow('Private windows have none.');
  });

  it('tells of a file that cannot be had at all', async () => {
    const { failures } = deliver({ blob: () => Promise.reject(new Error('No memory.')) });
    await turns();
    expect(failures.map(({ message }) => message)).toEqual(['No memory.']);
    const late = deliver({});
    late.torrent.abort(new Error('The torrent is gone.'));
    const { failures: none } = late;
    await turns();
    expect(none).toEqual([]);
  });

  it('is no longer fetched when the element is given another one, or the torrent ends', async () => {
    const signals: AbortSignal[] = [];
    const endless = (signal: AbortSignal): Promise<Blob> => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const { element } = deliver({ blob: endless });
    await turns();
    const second = deliver({ element, blob: endless });
    await turns();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    second.torrent.abort(new Error('gone'));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  it('gives the memory of a blob back at its end', async () => {
    const { element, torrent } = deliver({ done: true });
    await turns();
    await fetch(element.src);
    torrent.abort(new Error('gone'));
    await expect(fetch(element.src)).rejects.toThrow();
  });
});

describe('The server of a page', () => {
  it('wants a registration, or the promise of one', async () => {
    const client = { torrents: [] } as unknown as Client;
    expect(() => new PageFileServer(client, {})).toThrow('needs the registration of a service worker');
    const server = new PageFileServer(client, { controller: Promise.resolve('something') });
    expect(() => server.pathname).toThrow('The service worker is not ready');
    expect((await server.ready)?.message).toContain('needs the registration of a service worker');
    expect(server.isOpen).toBe(false);
  });
});
