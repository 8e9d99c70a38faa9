import { describe, expect, it } from 'vitest';
import { MemoryNetwork, VirtualClock } from '../../memory/index.ts';
import type { Link, RtcAttempt, RtcConnector, RtcHandler } from '../ports.ts';
import {
  OfferBudget,
  type OfferBudgetOptions,
  type OfferHandler,
  type OfferRequester,
} from './offer-budget.ts';

function setUp(options: Partial<OfferBudgetOptions> = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const budget = new OfferBudget({ clock, rtc: network.rtc('a'), ...options });
  return { clock, network, budget };
}

/** One who takes every offer there is, and notes what becomes of it. */
class Requester implements OfferRequester {
  owner: object | undefined;
  readonly attempts: RtcAttempt[] = [];
  readonly descriptions: string[] = [];
  readonly links: Link[] = [];
  ended = 0;
  isWilling = true;

  handlerForOffer(): OfferHandler | undefined {
    if (!this.isWilling) return undefined;
    return {
      onStart: (attempt) => this.attempts.push(attempt),
      onDescription: (sdp) => this.descriptions.push(sdp),
      onLink: (link) => this.links.push(link),
      onEnd: () => this.ended++,
    };
  }
}

describe('offer budget', () => {
  it('makes ten offers at once and no more, until they expire', () => {
    const { clock, budget } = setUp();
    const requester = new Requester();
    budget.request(requester, 25);
    expect(requester.attempts).toHaveLength(10);
    clock.advance(1_000);
    expect(requester.descriptions).toHaveLength(10);
    clock.advance(28_999);
    expect([requester.ended, budget.offers]).toEqual([0, 10]);
    clock.advance(20_001);
    expect(requester.ended).toBeGreaterThanOrEqual(10);
    expect(requester.attempts).toHaveLength(20);
    budget.request(requester, 0);
    clock.advance(60_000);
    expect([budget.halfOpen, budget.waiting, clock.pending]).toEqual([0, 0, 0]);
    expect(requester.links).toEqual([]);
  });

  it('gives a free place to whoever has the fewest', () => {
    const { budget } = setUp({ maxOffers: 4 });
    const [greedy, second, third] = [new Requester(), new Requester(), new Requester()];
    budget.request(greedy, 10);
    budget.request(second, 10);
    budget.request(third, 10);
    expect([greedy, second, third].map(({ attempts }) => attempts.length)).toEqual([4, 0, 0]);
    const made: number[][] = [];
    for (const attempt of greedy.attempts.slice(0, 4)) {
      attempt.cancel();
      made.push([greedy, second, third].map(({ attempts }) => attempts.length));
    }
    // The third place goes to the one whose turn is longest ago, as all three have one offer then.
    expect(made).toEqual([
      [4, 1, 0],
      [4, 1, 1],
      [5, 1, 1],
      [5, 2, 1],
    ]);
    expect(budget.offers).toBe(4);
  });

  it('gives requesters of one owner the share of one, and parts it fairly among them', () => {
    const { budget } = setUp({ maxOffers: 4 });
    const owner = {};
    const [first, second, alone] = [new Requester(), new Requester(), new Requester()];
    first.owner = owner;
    second.owner = owner;
    budget.request(first, 10);
    budget.request(second, 10);
    budget.request(alone, 10);
    const counts = (): number[] => [first, second, alone].map(({ attempts }) => attempts.length);
    expect(counts()).toEqual([4, 0, 0]);
    for (const attempt of first.attempts.slice(0, 4)) attempt.cancel();
    // Two of the four places are the other's; of the owner's two each of its requesters has one.
    expect(counts()).toEqual([5, 1, 2]);
    for (const requester of [first, second, alone]) budget.request(requester, 0);
    for (const { attempts } of [first, second, alone]) for (const attempt of attempts) attempt.cancel();
    expect([budget.offers, budget.waiting]).toEqual([0, 0]);
  });

  it('passes over who has changed their mind', () => {
    const { budget } = setUp({ maxOffers: 1 });
    const [first, fickle, third] = [new Requester(), new Requester(), new Requester()];
    for (const requester of [first, fickle, third]) budget.request(requester, 1);
    fickle.isWilling = false;
    first.attempts[0]!.cancel();
    expect([fickle.attempts.length, third.attempts.length, budget.waiting]).toEqual([0, 1, 0]);
  });

  it('makes nothing while the connection budget is full', () => {
    let isFree = false;
    const { budget } = setUp({ mayConnect: () => isFree });
    const requester = new Requester();
    budget.request(requester, 2);
    const answer = budget.answer('v=0', { onDescription: () => {}, onLink: () => {}, onEnd: () => {} });
    expect([requester.attempts.length, answer, budget.waiting]).toEqual([0, undefined, 1]);
    isFree = true;
    budget.request(requester, 2);
    expect(requester.attempts).toHaveLength(2);
  });

  it('frees a place when its link opens, after the owner has counted the link', () => {
    let open = 0;
    const { clock, network, budget } = setUp({ mayConnect: () => open + budget.halfOpen < 1 });
    const requester = new Requester();
    const countingHandler = requester.handlerForOffer.bind(requester);
    requester.handlerForOffer = () => {
      const handler = countingHandler();
      return (
        handler && {
          ...handler,
          onLink: (link) => {
            open++;
            handler.onLink(link);
          },
        }
      );
    };
    budget.request(requester, 2);
    clock.advance(10);
    network.rtc('b').answer(requester.descriptions[0]!, {
      onDescription: (sdp) => requester.attempts[0]!.accept(sdp),
      onLink: () => {},
      onError: () => {},
    });
    clock.advance(100);
    expect(requester.links).toHaveLength(1);
    // The link takes the only place, so the second offer is still not made.
    expect([budget.halfOpen, requester.attempts.length]).toEqual([0, 1]);
  });

  it('answers ten offers at once, ignores the next, and forgets answers that nobody takes up', () => {
    const { clock, network, budget } = setUp();
    const offers: string[] = [];
    for (let i = 0; i < 11; i++) {
      network
        .rtc('b')
        .offer({ onDescription: (sdp) => offers.push(sdp), onLink: () => {}, onError: () => {} });
    }
    clock.advance(10);
    let ended = 0;
    const attempts = offers.map((sdp) =>
      budget.answer(sdp, { onDescription: () => {}, onLink: () => {}, onEnd: () => ended++ }),
    );
    expect(attempts.map((attempt) => attempt !== undefined)).toEqual([...Array(10).fill(true), false]);
    clock.advance(50_000);
    expect([ended, budget.answers, clock.pending]).toEqual([10, 0, 0]);
  });

  it('gives a place back once, and closes a link that comes too late', () => {
    const handlers: RtcHandler[] = [];
    const rtc: RtcConnector = {
      offer: (handler) => {
        handlers.push(handler);
        return { accept: () => {}, cancel: () => {} };
      },
      answer: () => ({ accept: () => {}, cancel: () => {} }),
    };
    const { clock, budget } = setUp({ rtc });
    const requester = new Requester();
    budget.request(requester, 1);
    requester.attempts[0]!.cancel();
    requester.attempts[0]!.cancel();
    handlers[0]!.onError(new Error('late'));
    let closed = 0;
    handlers[0]!.onLink({ close: () => closed++ } as unknown as Link);
    expect([budget.offers, requester.ended, requester.links.length, closed]).toEqual([0, 0, 0, 1]);
    expect(clock.pending).toBe(0);
  });
});
