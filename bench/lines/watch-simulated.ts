import {
  arrivalTimes,
  DetailedStage,
  filmOf,
  type Policy,
  type Scenario,
  type Visitor,
  World,
} from 'freshet-simulator';
import { COURSE_MS, type Felt, type Watched } from './felt.ts';

/** How often somebody looks whether a viewer has a peer: the connection's own time is what counts, to so many ms. */
const LOOK_MS = 5;

/** The scenario in the simulator, as `simulate` runs it, with a look at each viewer's connections. */
export async function watchSimulated(
  scenario: Scenario,
  policy: Policy,
  seed: number,
): Promise<Watched & { readonly arrivals: readonly number[] }> {
  const world = new World({ seed });
  const film = filmOf(scenario.film.seconds, scenario.film.bytesPerSecond);
  const stage = await DetailedStage.open(world, scenario, policy, film);
  const arrivals = arrivalTimes(scenario.arrivals, scenario.peers, world.random('arrivals'));
  const viewers: Felt[] = [];
  for (const [index, at] of arrivals.entries()) {
    world.clock.setTimer(at, () => {
      const { line } = scenario.lines[0]!;
      let pieceMs: number | undefined;
      let peerMs: number | undefined;
      const seen = new Set<number>();
      const course: [number, number][] = [];
      let left = false;
      const visitor: Visitor = stage.visitor(line, {
        onPiece: () => {
          pieceMs ??= world.clock.now() - at;
        },
        onFinished: () =>
          world.clock.setTimer(0, () => {
            left = true;
            const { startupMs, stalls, stalledMs, watchedMs } = visitor.playback!;
            const { fromPeers, fromHttp, uploaded } = visitor.totals();
            const felt = { startupMs, stalls, stalledMs, watchedMs, fromPeers, fromHttp, uploaded };
            viewers[index] = { ...felt, pieceMs, peerMs, peers: seen.size, course };
            visitor.leave(false);
          }),
      });
      const peer = policy === 'http' ? undefined : world.peers.at(-1);
      const look = (): void => {
        if (left) return;
        for (const { id } of peer?.torrent.peers() ?? []) {
          peerMs ??= world.clock.now() - at;
          seen.add(id);
        }
        world.clock.setTimer(LOOK_MS, look);
      };
      const note = (): void => {
        if (left) return;
        const { fromPeers, fromHttp } = visitor.totals();
        course.push([fromPeers, fromHttp]);
        world.clock.setTimer(COURSE_MS, note);
      };
      look();
      note();
    });
  }
  const over = await world.run({
    until: () => viewers.filter((felt) => felt !== undefined).length === scenario.peers,
    limit: 3_600_000,
  });
  if (!over) throw new Error('The simulated viewers did not see the end of the film within an hour.');
  await world.close();
  return { viewers, arrivals, tracker: stage.tracker(), requests: stage.http().requests };
}
