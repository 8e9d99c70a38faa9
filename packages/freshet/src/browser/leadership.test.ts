import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimEngine, EngineDoor } from './engine-door.ts';
import { Leadership } from './leadership.ts';
import { leadershipNames, leadershipPrefix } from './leadership-messages.ts';
import type { LocalEngine, StartedEngine } from './local-engine.ts';
import type { Port } from './port.ts';
import { SimulatedTabs, type SimulatedThread } from './simulated-tabs.contract.ts';

const names = leadershipNames(leadershipPrefix('films', 1));

/** Engines that only answer with their name, and how many of them there are. */
class Site {
  readonly tabs: SimulatedTabs;
  /** Engines that run, by name, with the clients that other tabs have in them. */
  readonly engines = new Map<string, Set<Port>>();
  /** More than one engine at a time has been seen. */
  crowded = false;
  /** Of a thousand engines so many do not start. */
  failing = 0;
  started = 0;
  readonly #startTime: number;
  #names = 0;

  constructor(seed = 1, options: { delay?: number; startTime?: number } = {}) {
    this.tabs = new SimulatedTabs({ seed, delay: options.delay });
    this.#startTime = options.startTime ?? 100;
  }

  newName(): string {
    this.#names += 1;
    return `n${this.#names}`;
  }

  open(settings: unknown = {}): Tab {
    return new Tab(this, settings);
  }

  async advance(milliseconds: number): Promise<void> {
    await this.tabs.clock.advanceAsync(milliseconds);
  }

  /** An engine in a worker of a page. */
  start(page: SimulatedThread, engine: string, started: StartedEngine, settings: unknown): SimulatedEngine {
    return new SimulatedEngine(this, page, engine, started, settings);
  }

  get startTime(): number {
    return this.tabs.random.below(this.#startTime + 1);
  }
}

class SimulatedEngine implements LocalEngine {
  readonly worker: SimulatedThread;
  readonly #site: Site;
  readonly #name: string;
  readonly #page: SimulatedThread;
  readonly #started: StartedEngine;
  readonly #ports: Port[] = [];
  #door: EngineDoor | undefined;

  constructor(site: Site, page: SimulatedThread, name: string, started: StartedEngine, settings: unknown) {
    this.#site = site;
    this.#name = name;
    this.#page = page;
    this.#started = started;
    this.worker = site.tabs.thread();
    const { locks, broadcast } = this.worker;
    site.started += 1;
    const fails = site.tabs.random.below(1000) < site.failing;
    this.worker.later(site.startTime, () => {
      if (fails) return this.crash();
      claimEngine({ names, engine: name, locks }, () => {
        const clients = new Set<Port>();
        site.engines.set(name, clients);
        if (site.engines.size > 1) site.crowded = true;
        this.#door = new EngineDoor({
          names,
          engine: name,
          settings,
          locks,
          broadcast,
          onClient: (port) => {
            clients.add(port);
            this.#serve(port);
            return { close: () => void clients.delete(port) };
          },
        });
        const [here, there] = [broadcast(`direct ${name}`), page.broadcast(`direct ${name}`)];
        this.#ports.push(here, there);
        this.#serve(here);
        page.later(1, () => started.onReady(there));
      });
    });
  }

  #serve(port: Port): void {
    port.onMessage = (message) => port.post({ answer: message, engine: this.#name });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#page.later(this.#site.startTime, resolve);
      this.worker.later(0, () => this.#door?.close());
    });
    this.#end();
  }

  kill(): void {
    this.#end();
  }

  givePipe(_channel: string, port: MessagePort): void {
    port.close();
  }

  #end(): void {
    this.worker.kill(this.#site.tabs.someDelay());
    for (const port of this.#ports) port.close();
    this.#site.engines.delete(this.#name);
  }

  /** It dies and its page learns of it. */
  crash(): void {
    this.#end();
    this.#page.later(1, () => this.#started.onFailure(new Error('the engine has died')));
  }
}

class Tab {
  readonly page: SimulatedThread;
  readonly leadership: Leadership;
  readonly log: string[] = [];
  engine: SimulatedEngine | undefined;
  port: Port | undefined;
  answers: unknown[] = [];

  constructor(site: Site, settings: unknown) {
    this.page = site.tabs.thread();
    const { locks, broadcast, clock } = this.page;
    this.leadership = new Leadership({
      names,
      settings,
      locks,
      broadcast,
      clock,
      newName: () => site.newName(),
      start: (engine, started) => {
        this.engine = site.start(this.page, engine, started, settings);
        return this.engine;
      },
      onAttach: (port) => {
        this.log.push('attach');
        this.port = port;
        port.onMessage = (message) => void this.answers.push(message);
      },
      onDetach: () => {
        this.log.push('detach');
        this.port = undefined;
      },
      onDiffering: (settings) => this.log.push(`differing ${settings.join(' ')}`),
      onFailure: (error) => {
        this.log.push(String(error));
        void this.leave();
      },
    });
    this.leadership.join();
  }

  get role(): string {
    return this.leadership.role;
  }

  ask(question: string): void {
    this.answers = [];
    this.port?.post(question);
  }

  leave(): Promise<void> {
    return this.leadership.leave();
  }

  /** The tab dies, its worker a little later. */
  crash(site: Site): void {
    this.page.kill(site.tabs.someDelay());
    site.tabs.clock.setTimer(5 * site.tabs.someDelay(), () => this.engine?.kill());
  }
}

/** Everybody's question is answered by the one engine there is. */
async function expectOneEngine(site: Site, tabs: readonly Tab[]): Promise<void> {
  for (const [index, tab] of tabs.entries()) tab.ask(`question ${index}`);
  await site.advance(1000);
  expect([...site.engines.keys()]).toHaveLength(1);
  const [[engine, clients]] = [...site.engines] as [[string, Set<Port>]];
  for (const [index, tab] of tabs.entries()) {
    expect(tab.answers).toEqual([{ answer: `question ${index}`, engine }]);
  }
  expect(clients.size).toBe(tabs.length - 1);
  expect(tabs.map(({ role }) => role).sort()).toEqual([
    ...Array<string>(tabs.length - 1).fill('following'),
    'leading',
  ]);
}

describe('leadership', () => {
  it('gives the engine to the first tab, and the others attach to it', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open(), site.open()];
    await site.advance(2000);
    expect(tabs.map(({ role }) => role)).toEqual(['leading', 'following', 'following']);
    expect(tabs.map(({ log }) => log)).toEqual([['attach'], ['attach'], ['attach']]);
    await expectOneEngine(site, tabs);
    expect(site.started).toBe(1);
  });

  it('hands over when the leader leaves in order', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open(), site.open()];
    await site.advance(2000);
    await Promise.all([tabs[0]!.leave(), site.advance(2000)]);
    expect(tabs.map(({ role }) => role)).toEqual(['out', 'leading', 'following']);
    expect(tabs.map(({ log }) => log)).toEqual([
      ['attach', 'detach'],
      ['attach', 'detach', 'attach'],
      ['attach', 'detach', 'attach'],
    ]);
    await expectOneEngine(site, tabs.slice(1));
  });

  it("hands over when the leader's tab dies, and is not stopped by its worker that lives a little longer", async () => {
    const site = new Site(1, { startTime: 0 });
    const tabs = [site.open(), site.open(), site.open()];
    await site.advance(2000);
    // The lock of the page is free at once, that of the worker is not.
    tabs[0]!.page.kill(0);
    await site.advance(100);
    expect(tabs[1]!.role).toBe('starting');
    expect(site.engines.size).toBe(1);
    tabs[0]!.engine!.kill();
    await site.advance(1000);
    await expectOneEngine(site, tabs.slice(1));
    expect(site.crowded).toBe(false);
  });

  it('lets a follower go when its tab dies without a word', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open(), site.open()];
    await site.advance(2000);
    const clients = [...site.engines.values()][0]!;
    expect(clients.size).toBe(2);
    tabs[2]!.page.kill(10);
    await site.advance(100);
    expect(clients.size).toBe(1);
    expect(tabs[1]!.log).toEqual(['attach']);
  });

  it('lets a follower go that leaves, and lets it in again as another', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open()];
    await site.advance(2000);
    await tabs[1]!.leave();
    await site.advance(100);
    expect([...site.engines.values()][0]!.size).toBe(0);
    tabs[1]!.leadership.join();
    await site.advance(2000);
    await expectOneEngine(site, tabs);
  });

  it('leaves while its engine is still starting, and the next tab starts one', async () => {
    const site = new Site(1, { startTime: 1000 });
    const tabs = [site.open(), site.open()];
    await site.advance(50);
    expect(tabs[0]!.role).toBe('starting');
    await Promise.all([tabs[0]!.leave(), site.advance(5000)]);
    expect(tabs[0]!.log).toEqual([]);
    await expectOneEngine(site, tabs.slice(1));
  });

  it('takes a page out of its frozen state again', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open()];
    await site.advance(2000);
    tabs[0]!.leadership.suspend();
    expect(tabs[0]!.log).toEqual(['attach', 'detach']);
    await site.advance(2000);
    expect(tabs[1]!.role).toBe('leading');
    tabs[0]!.leadership.join();
    await site.advance(2000);
    expect(tabs[0]!.role).toBe('following');
    await expectOneEngine(site, tabs);
  });

  it('lets another tab try when an engine does not start, and tries again itself', async () => {
    const site = new Site(1, { delay: 0, startTime: 10 });
    site.failing = 1000;
    const tabs = [site.open(), site.open()];
    await site.advance(30);
    expect(site.started).toBe(2);
    site.failing = 0;
    await site.advance(2000);
    expect(tabs.map(({ role }) => role)).toEqual(['leading', 'following']);
    await expectOneEngine(site, tabs);
    expect(tabs[0]!.log).toEqual(['attach']);
  });

  it('says so when no engine can be started', async () => {
    const site = new Site();
    site.failing = 1000;
    const tab = site.open();
    await site.advance(10_000);
    expect(tab.log).toEqual(['Error: the engine has died']);
    expect(site.started).toBe(3);
    await tab.leave();
    await site.advance(100);
    expect(site.tabs.leftovers).toEqual([]);
  });

  it("starts another engine when the worker dies, in this tab or the next one's", async () => {
    const site = new Site();
    const tabs = [site.open(), site.open()];
    await site.advance(2000);
    tabs[0]!.engine!.crash();
    await site.advance(3000);
    expect(tabs[1]!.role).toBe('leading');
    expect(tabs[0]!.log).toEqual(['attach', 'detach', 'attach']);
    await expectOneEngine(site, tabs);
    tabs[1]!.engine!.crash();
    await site.advance(3000);
    await expectOneEngine(site, tabs);
  });

  it('tells who wanted another engine how the one there is differs', async () => {
    const site = new Site();
    const peerId = new Uint8Array(20);
    site.open({ maxConns: 55, announce: ['wss://one'], peerId });
    await site.advance(500);
    const other = site.open({ maxConns: 20, announce: ['wss://two'], peerId, webSeeds: false });
    const same = site.open({ maxConns: 55, announce: ['wss://one'], peerId: peerId.slice() });
    await site.advance(500);
    expect(other.log).toEqual(['attach', 'differing announce maxConns webSeeds']);
    expect(same.log).toEqual(['attach']);
  });

  it('passes over what others post on its channel', async () => {
    const site = new Site();
    const tabs = [site.open(), site.open()];
    await site.advance(2000);
    const stranger = site.tabs.thread().broadcast(names.common);
    for (const message of [
      null,
      7,
      'hello',
      {},
      { type: 'hello' },
      { type: 'hello', client: 'x', attempt: 'y' },
      { type: 'hello', client: 'x', attempt: 1, engine: 5 },
      { type: 'welcome', client: 'x', attempt: 1, engine: 'e' },
      { type: 'welcome', client: 'x', attempt: 1, engine: 5, differing: [] },
      { type: 'engine' },
      { type: 'leaving', engine: 3 },
      { type: 'goodbye', client: {} },
    ]) {
      stranger.post(message);
    }
    await site.advance(100);
    expect(tabs.map(({ log }) => log)).toEqual([['attach'], ['attach']]);
    await expectOneEngine(site, tabs);
  });

  it('does not keep who says hello and is not there', async () => {
    const site = new Site();
    const tab = site.open();
    await site.advance(2000);
    site.tabs
      .thread()
      .broadcast(names.common)
      .post({ type: 'hello', client: 'ghost', attempt: 1, settings: {} });
    await site.advance(100);
    expect([...site.engines.values()].map((clients) => clients.size)).toEqual([0]);
    await expectOneEngine(site, [tab]);
  });
});

describe('leadership at random', () => {
  const step = fc.record({
    wait: fc.oneof(fc.constant(0), fc.nat(30), fc.nat(1500)),
    action: fc.constantFrom('open', 'open', 'leave', 'crash', 'suspend', 'rejoin', 'engineCrash'),
    which: fc.nat(5),
  });

  it('never has two engines, and in the end everybody talks to one', async () => {
    const seen = { most: 0, crashed: 0, failed: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 14 }),
        fc.record({
          seed: fc.integer({ min: 1, max: 1e9 }),
          perMille: fc.constantFrom(0, 0, 300),
          failing: fc.constantFrom(0, 0, 300),
        }),
        async (steps, { seed, perMille, failing }) => {
          const site = new Site(seed);
          site.failing = failing;
          site.tabs.lossy = { name: names.common, perMille };
          let tabs = [site.open()];
          const leaving = new Map<Tab, Promise<void>>();
          for (const { wait, action, which } of steps) {
            await site.advance(wait);
            const tab = tabs[which % tabs.length];
            if (action === 'open') tabs.push(site.open());
            else if (tab === undefined) continue;
            else if (action === 'leave') leaving.set(tab, tab.leave());
            else if (action === 'suspend') tab.leadership.suspend();
            else if (action === 'rejoin') tab.leadership.join();
            else if (action === 'crash') {
              tab.crash(site);
              leaving.delete(tab);
              tabs = tabs.filter((other) => other !== tab);
              seen.crashed += 1;
            } else if (tab.role === 'leading') tab.engine?.crash();
          }
          site.failing = 0;
          site.tabs.lossy = undefined;
          await site.advance(10_000);
          await Promise.all(leaving.values());
          expect(site.crowded).toBe(false);
          const present = tabs.filter(({ role }) => role !== 'out');
          seen.most = Math.max(seen.most, present.length);
          if (failing > 0) seen.failed += 1;
          if (present.length > 0) await expectOneEngine(site, present);
          else expect(site.engines.size).toBe(0);
          for (const { log } of tabs) {
            // Attached and detached in turns.
            const turns = log.filter((line) => line === 'attach' || line === 'detach');
            expect(turns.every((line, index) => line === (index % 2 === 0 ? 'attach' : 'detach'))).toBe(true);
          }
          await Promise.all([...present.map((tab) => tab.leave()), site.advance(2000)]);
          expect(site.tabs.leftovers).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
    // The runs were what they are meant to be.
    expect(seen.most).toBeGreaterThan(3);
    expect(seen.crashed).toBeGreaterThan(100);
    expect(seen.failed).toBeGreaterThan(50);
  });
});
