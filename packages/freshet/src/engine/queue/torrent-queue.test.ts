import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import type { Goal } from './queue-policy.ts';
import { type QueueMember, TorrentQueue, type TorrentQueueOptions } from './torrent-queue.ts';

class Member implements QueueMember {
  wants: QueueMember['wants'];
  isRead = false;
  rate = 1e6;
  progress = { uploaded: 0, downloaded: 0, length: 1000 };
  held = false;
  looks = 0;
  readonly goals: Goal[] = [];

  constructor(wants: QueueMember['wants'] = 'download') {
    this.wants = wants;
  }

  hold(held: boolean): void {
    this.held = held;
  }

  settled(): void {
    this.looks++;
  }

  onGoal(goal: Goal): void {
    this.goals.push(goal);
    this.wants = 'nothing';
  }
}

function setUp(options: TorrentQueueOptions, count: number, wants: QueueMember['wants'] = 'download') {
  const clock = new VirtualClock();
  const queue = new TorrentQueue(clock, options);
  const members = Array.from({ length: count }, () => new Member(wants));
  for (const member of members) queue.add(member, {});
  clock.advance(1);
  const running = (): string => members.map((member) => (member.held ? '.' : 'x')).join('');
  return { clock, queue, members, running };
}

describe('TorrentQueue', () => {
  it('does nothing and sets no timer without limits and goals', () => {
    const { clock, running } = setUp({}, 3);
    expect([running(), clock.pending]).toEqual(['xxx', 0]);
  });

  it('tells all when it has looked', () => {
    const { clock, members } = setUp({ maxActive: 1 }, 2);
    expect(members.map(({ looks }) => looks)).toEqual([1, 1]);
    clock.advance(5000);
    expect(members.map(({ looks }) => looks)).toEqual([2, 2]);
  });

  it('holds a newcomer until it has looked, and lets the next run when one is through', () => {
    const clock = new VirtualClock();
    const queue = new TorrentQueue(clock, { maxActiveDownloads: 1 });
    const members = [new Member(), new Member(), new Member()];
    for (const member of members) {
      queue.add(member, {});
      expect(member.held).toBe(true);
    }
    clock.advance(0);
    const running = (): string => members.map((member) => (member.held ? '.' : 'x')).join('');
    expect(running()).toBe('x..');
    members[0]!.wants = 'seed';
    clock.advance(5000);
    expect(running()).toBe('xx.');
    queue.remove(members[1]!);
    clock.advance(0);
    expect([members[0]!.held, members[2]!.held]).toEqual([false, false]);
  });

  it('puts what was added before, and comes later, in its place', () => {
    const clock = new VirtualClock();
    const queue = new TorrentQueue(clock, {});
    const members = [3, 1, 2, undefined, 4].map((order) => {
      const member = new Member();
      queue.add(member, {}, order);
      return member;
    });
    expect(members.map((member) => queue.position(member))).toEqual([2, 0, 1, 4, 3]);
  });

  it('follows the order as it changes', () => {
    const { clock, queue, members, running } = setUp({ maxActiveDownloads: 1 }, 3);
    queue.move(members[2]!, 0);
    clock.advance(0);
    expect(running()).toBe('..x');
    expect(members.map((member) => queue.position(member))).toEqual([1, 2, 0]);
    queue.move(members[2]!, 99);
    queue.move(members[1]!, -5);
    clock.advance(0);
    expect(running()).toBe('.x.');
    expect(members.map((member) => queue.position(member))).toEqual([1, 0, 2]);
    expect(queue.position(new Member())).toBe(-1);
  });

  it('lets run what is forced or read, beside the others', () => {
    const { clock, queue, members, running } = setUp({ maxActiveDownloads: 1 }, 4);
    queue.force(members[2]!, true);
    members[3]!.isRead = true;
    clock.advance(5000);
    expect([running(), queue.isForced(members[2]!)]).toEqual(['x.xx', true]);
    queue.force(members[2]!, false);
    members[3]!.isRead = false;
    clock.advance(5000);
    expect(running()).toBe('x...');
  });

  it('gives the place of a slow torrent to another, and takes it back when it is needed', () => {
    const { clock, members, running } = setUp({ maxActiveDownloads: 1 }, 3);
    members[0]!.rate = 100;
    clock.advance(55_000);
    expect(running()).toBe('x..');
    clock.advance(10_000);
    expect(running()).toBe('xx.');
    members[0]!.rate = 1e6;
    clock.advance(5000);
    expect(running()).toBe('x..');
  });

  it('gives the place of a paused torrent to another, and has it wait when it goes on', () => {
    const { clock, queue, members, running } = setUp({ maxActiveSeeds: 1 }, 2, 'seed');
    members[0]!.wants = 'nothing';
    queue.changed();
    clock.advance(0);
    expect([members[0]!.held, members[1]!.held]).toEqual([true, false]);
    members[0]!.wants = 'seed';
    queue.changed();
    clock.advance(0);
    expect(running()).toBe('x.');
    for (const member of members) member.wants = 'nothing';
    clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it('lets all run when the limits are lifted', () => {
    const { clock, queue, running } = setUp({ maxActive: 0 }, 3);
    expect(running()).toBe('...');
    queue.setOptions({});
    clock.advance(0);
    expect([running(), clock.pending]).toEqual(['xxx', 0]);
  });

  it('stops what has reached its goal, once', () => {
    const { clock, queue, members } = setUp({ goals: { ratio: 2 } }, 3, 'seed');
    queue.setGoals(members[1]!, { ratio: 5, seedTime: 20_000 });
    members[0]!.progress = { uploaded: 2000, downloaded: 0, length: 1000 };
    members[1]!.progress = { uploaded: 4000, downloaded: 0, length: 1000 };
    members[2]!.wants = 'download';
    members[2]!.progress = { uploaded: 9000, downloaded: 0, length: 1000 };
    clock.advance(10_000);
    expect(members.map((member) => member.goals)).toEqual([['ratio'], [], []]);
    clock.advance(15_000);
    expect(members[1]!.goals).toEqual(['seedTime']);
    expect(queue.seedTime(members[1]!)).toBeGreaterThanOrEqual(20_000);
    expect(queue.seedTime(members[2]!)).toBe(0);
    // Whoever lets it go on means it.
    members[0]!.wants = 'seed';
    queue.changed();
    clock.advance(10_000);
    expect(members[0]!.goals).toEqual(['ratio']);
    queue.setGoals(members[0]!, { ratio: 1.5 });
    clock.advance(0);
    expect(members[0]!.goals).toEqual(['ratio', 'ratio']);
  });

  it('counts the time of seeding only', () => {
    const { clock, queue, members } = setUp({ goals: { seedTime: 1e9 } }, 1);
    clock.advance(30_000);
    expect(queue.seedTime(members[0]!)).toBe(0);
    members[0]!.wants = 'seed';
    queue.changed();
    clock.advance(12_000);
    expect(Math.abs(queue.seedTime(members[0]!) - 12_000)).toBeLessThanOrEqual(5000);
  });

  it('leaves no timer when it is closed', () => {
    const { clock, queue, members } = setUp({ maxActiveDownloads: 1 }, 2);
    queue.changed();
    queue.close();
    queue.move(members[0]!, 1);
    expect(clock.pending).toBe(0);
  });
});
