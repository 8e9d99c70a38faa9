import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import type { PeerAddress } from '../../protocol/index.ts';
import type { Dialer, Link, LinkHandler } from '../ports.ts';
import { Candidates } from './candidates.ts';
import { ConnectionBudget } from './connection-budget.ts';
import { Dialler } from './dialler.ts';

const address = (n: number): PeerAddress => ({ host: '10.0.0.1', port: n });

interface Attempt {
  readonly port: number;
  cancelled: boolean;
  succeed(link: Link): void;
  fail(): void;
}

/** A link that writes down what becomes of it. */
function fakeLink(): { link: Link; events: string[] } {
  const events: string[] = [];
  const link: Partial<Link> = {
    attach: (_handler: LinkHandler) => void events.push('attach'),
    close: () => void events.push('close'),
  };
  return { link: link as Link, events };
}

function setup(options: { addresses: number; maxOpen?: number; maxDialing?: number; room?: number }) {
  const clock = new VirtualClock();
  const budget = new ConnectionBudget(options.maxOpen ?? 10, options.maxDialing ?? 10);
  const candidates = new Candidates();
  for (let n = 1; n <= options.addresses; n++) candidates.add(address(n));
  const attempts: Attempt[] = [];
  const dialer: Dialer = {
    dial: ({ port }, handler) => {
      const attempt: Attempt = {
        port,
        cancelled: false,
        succeed: (link) => handler.onLink(link),
        fail: () => handler.onError(new Error('no answer')),
      };
      attempts.push(attempt);
      return {
        cancel: () => {
          attempt.cancelled = true;
        },
      };
    },
  };
  const links: number[] = [];
  let failed = 0;
  const dialler: Dialler = new Dialler({
    dialer,
    candidates,
    budget,
    clock,
    hasRoom: () => dialler.size < (options.room ?? 10),
    onLink: (_link, { port }) => links.push(port),
    onFailed: () => failed++,
  });
  return { clock, budget, candidates, attempts, dialler, links, failures: () => failed };
}

describe('Dialler', () => {
  it('dials while there are addresses, room in the torrent and room in the client', () => {
    const byAddress = setup({ addresses: 2 });
    byAddress.dialler.dialMore();
    expect([byAddress.dialler.size, byAddress.budget.dialing]).toEqual([2, 2]);
    const byRoom = setup({ addresses: 9, room: 3 });
    byRoom.dialler.dialMore();
    expect([byRoom.dialler.size, byRoom.budget.dialing]).toEqual([3, 3]);
    const byBudget = setup({ addresses: 9, maxDialing: 4 });
    byBudget.dialler.dialMore();
    expect([byBudget.dialler.size, byBudget.budget.dialing]).toEqual([4, 4]);
  });

  it('hands over a link with its place in the budget', () => {
    const { dialler, attempts, links, budget } = setup({ addresses: 1 });
    dialler.dialMore();
    attempts[0]!.succeed(fakeLink().link);
    expect(links).toEqual([1]);
    expect([dialler.size, budget.dialing, budget.open]).toEqual([0, 0, 1]);
  });

  it('closes a link for which the budget has no place any more, and tries the address later', () => {
    const { dialler, attempts, links, budget, candidates } = setup({ addresses: 1, maxOpen: 1 });
    dialler.dialMore();
    // The place that the attempt gives back is taken by somebody else in between.
    const tryOpen = budget.tryOpen.bind(budget);
    budget.tryOpen = () => tryOpen() && tryOpen();
    const { link, events } = fakeLink();
    attempts[0]!.succeed(link);
    expect([links, events]).toEqual([[], ['attach', 'close']]);
    expect(candidates.nextTryAt()).toBe(30_000);
  });

  it('tells of a failure, and leaves the address alone for a while', () => {
    const { dialler, attempts, budget, candidates, failures, clock } = setup({ addresses: 1 });
    dialler.dialMore();
    attempts[0]!.fail();
    expect([failures(), dialler.size, budget.dialing]).toEqual([1, 0, 0]);
    expect(candidates.nextTryAt()).toBe(30_000);
    dialler.dialMore();
    expect(attempts).toHaveLength(1);
    clock.advance(30_000);
    dialler.dialMore();
    expect(attempts).toHaveLength(2);
  });

  it('gives up all attempts without blame for their addresses', () => {
    const { dialler, attempts, budget, candidates } = setup({ addresses: 2 });
    dialler.dialMore();
    dialler.cancelAll();
    expect(attempts.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    expect([dialler.size, budget.dialing, candidates.nextTryAt()]).toEqual([0, 0, 0]);
  });
});
