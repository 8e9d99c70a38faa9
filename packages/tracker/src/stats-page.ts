import type { PopulationStats, TrackerStats } from './stats.ts';

/** The `/stats` page: the tracker's numbers for people. Plain HTML, no script, renews itself. */
export function statsPage(stats: TrackerStats): string {
  const { totals } = stats;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>Tracker: ${count(stats.peers)} peers</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin-block: 1rem 2rem; }
caption { text-align: left; font-weight: 600; padding-block: .25rem; }
th, td { text-align: right; padding: .25rem .5rem; border-top: 1px solid #8884; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; font-weight: 400; }
</style>
</head>
<body>
<h1>Freshet tracker</h1>
<p>${count(stats.peers)} peers in ${count(stats.swarms)} swarms, ${count(stats.connections)} WebSocket connections open, up for ${duration(stats.uptime)}.</p>
<table>
<caption>Now</caption>
<thead><tr><th scope="col">Peers reached by</th><th scope="col">Swarms</th><th scope="col">Peers</th><th scope="col">Seeds</th><th scope="col">Leeches</th></tr></thead>
<tbody>
${populationRow('WebRTC', stats.webrtc)}
${populationRow('address and port', stats.address)}
</tbody>
</table>
<table>
<caption>Since the start</caption>
<tbody>
${row('Announces', totals.announces)}
${row('Scrapes', totals.scrapes)}
${row('Offers relayed', totals.offers)}
${row('Answers relayed', totals.answers)}
${row('Failures', totals.failures)}
${row('HTTP requests', totals.httpRequests)}
${row('WebSocket connections', totals.connections)}
${row('WebSocket messages in', totals.messagesIn)}
${row('WebSocket messages out', totals.messagesOut)}
</tbody>
</table>
</body>
</html>
`;
}

function populationRow(name: string, { swarms, peers, seeds, leeches }: PopulationStats): string {
  const cells = [swarms, peers, seeds, leeches].map((value) => `<td>${count(value)}</td>`).join('');
  return `<tr><th scope="row">${name}</th>${cells}</tr>`;
}

function row(name: string, value: number): string {
  return `<tr><th scope="row">${name}</th><td>${count(value)}</td></tr>`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}
