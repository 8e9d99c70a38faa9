/**
 * One simulation, and what it cost, as one line of JSON. Arguments: address of the simulator's folder of compiled modules,
 * scenario, viewers.
 */

const [folder, name, viewers] = process.argv.slice(2);
const { simulate } = await import(new URL('simulate.js', folder));
const { scenarios } = await import(new URL('scenarios/index.js', folder));

const BLOCK = 16_384;
const rssBefore = process.memoryUsage.rss();
const cpuBefore = process.cpuUsage();
const result = await simulate(scenarios.get(name), { peers: Number(viewers), seed: 1 });
const { user, system } = process.cpuUsage(cpuBefore);
const cpuMs = (user + system) / 1000;
let bytes = 0;
let viewerMs = 0;
for (const viewer of result.viewers) {
  bytes += viewer.fromPeers + viewer.fromSeeder + viewer.fromHttp;
  viewerMs += viewer.leftAt - viewer.arrivedAt;
}
let present = 0;
for (const { arrivedAt: at } of result.viewers) {
  const there = result.viewers.filter(({ arrivedAt, leftAt }) => arrivedAt <= at && leftAt > at);
  present = Math.max(present, there.length);
}
const rss = process.resourceUsage().maxRSS * 1024;
const figures = {
  cpuMs,
  events: result.events,
  eventsPerSecond: (result.events * 1000) / cpuMs,
  blocks: bytes / BLOCK,
  usPerBlock: (cpuMs * 1000 * BLOCK) / bytes,
  viewerMinutes: viewerMs / 60_000,
  msPerViewerMinute: (cpuMs * 60_000) / viewerMs,
  rss,
  present,
  rssPerViewer: (rss - rssBefore) / Math.max(1, present),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
