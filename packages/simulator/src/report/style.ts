/** How the report looks, in light and dark. Colours of neighbours differ in lightness too, for those who see few hues. */

const LIGHT = `
  color-scheme: light;
  --page: #f4f4f1; --card: #fdfdfc; --edge: #e3e2dd; --ink: #14140f; --soft: #55544e; --faint: #77766f;
  --grid: #e7e6e1; --axis: #a9a8a1; --dash: #45443f;
  --s0: #2a78d6; --s1: #e0662b; --s2: #16996b; --s3: #6a4fc4; --s4: #c2417e; --s5: #a87900;
  --peers: #2a78d6; --seeder: #16996b; --http: #eb8a4b; --bad: #c93434;
  --h0: #efeeea; --h1: #d3e4f8; --h2: #abcdf1; --h3: #7fb2e8; --h4: #5596dc; --h5: #2f78c9; --h6: #185aa3; --h7: #0b3a70;`;

const DARK = `
  color-scheme: dark;
  --page: #101010; --card: #1a1a19; --edge: #2f2f2c; --ink: #f3f2ee; --soft: #bcbbb3; --faint: #93928a;
  --grid: #2c2c29; --axis: #5d5c57; --dash: #d0cfc7;
  --s0: #4b97ec; --s1: #ee7e45; --s2: #22b580; --s3: #9d8bf0; --s4: #e56aa0; --s5: #d6a52a;
  --peers: #3c86dc; --seeder: #1fa877; --http: #d9732f; --bad: #f06a6a;
  --h0: #262624; --h1: #12335a; --h2: #17477d; --h3: #1f5fa3; --h4: #3179c6; --h5: #5697dd; --h6: #8ebaea; --h7: #cfe2f8;`;

const TONES: string = [0, 1, 2, 3, 4, 5].map((i) => `.s${i} { --c: var(--s${i}); }`).join('\n');
const SHADES: string = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `.h${i} { --c: var(--h${i}); }`).join('\n');

export const STYLE: string = `
:root {${LIGHT}
}
@media (prefers-color-scheme: dark) {
:root {${DARK}
}
}
${TONES}
${SHADES}
.peers { --c: var(--peers); } .seeder { --c: var(--seeder); } .http { --c: var(--http); }
.stalled { --c: var(--bad); } .present { --c: var(--faint); } .dashes { --c: var(--dash); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 40px; }
h1 { margin: 0; font-size: 26px; line-height: 1.25; letter-spacing: -0.01em; }
h2 { margin: 34px 0 12px; font-size: 19px; }
h3 { margin: 0; font-size: 16px; }
p { margin: 4px 0 0; }
.about { color: var(--soft); font-size: 16px; }
.facts { color: var(--faint); font-size: 13.5px; margin-top: 8px; }
.stopped { border-left: 4px solid var(--bad); padding: 6px 12px; background: var(--card); margin-top: 14px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 22px; }
.tile, .card { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.tile { padding: 12px 14px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 2px 0 0; font-size: 24px; font-weight: 600; letter-spacing: -0.01em; line-height: 1.2; }
.tile dd small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--faint); margin-top: 3px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 470px), 1fr)); gap: 16px; }
.card { padding: 16px 18px 12px; margin: 0; min-width: 0; display: flex; flex-direction: column; }
.card.span { grid-column: 1 / -1; }
.card > p { color: var(--soft); font-size: 13.5px; line-height: 1.45; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 8px 0 0; padding: 0; font-size: 13px; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 6px; }
.legend svg { width: 18px; height: 12px; flex: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 14px 28px; margin-top: 12px; }
.panel { min-width: 0; container-type: inline-size; }
.panel h4 { margin: 0 0 4px; font-size: 14px; font-weight: 600; }
.chart { display: block; width: 100%; height: auto; max-width: 760px; }
.chart.wide, .chart.broad { display: none; }
.panels.small { grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); }
.chart.broad { max-width: none; }
@container (min-width: 430px) { .chart.wide { display: block; } .chart.narrow { display: none; } }
@container (min-width: 800px) { .chart.broad { display: block; } .chart.broad ~ .chart { display: none; } }
.empty { color: var(--faint); padding: 26px 0 20px; }
.chart text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--faint); font-variant-numeric: tabular-nums; }
.chart text.name { fill: var(--soft); }
.chart text.mark { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.grid { stroke: var(--grid); fill: none; shape-rendering: crispEdges; }
.axis { stroke: var(--axis); fill: none; shape-rendering: crispEdges; }
.line { stroke: var(--c); fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.dashes { stroke-width: 1.5; stroke-dasharray: 5 4; stroke-linecap: butt; }
.area { fill: var(--c); stroke: var(--card); stroke-width: 0.75; stroke-linejoin: round; }
.under { fill: var(--c); opacity: 0.12; }
.bar { fill: var(--c); } .bar.rest { fill: var(--faint); } .bar:hover { opacity: 0.75; }
.dot { fill: var(--c); stroke: var(--card); stroke-width: 2; }
.heat { shape-rendering: crispEdges; } .heat path, .swatch { fill: var(--c); }
.hit { fill: transparent; } .hit:hover { fill: var(--ink); fill-opacity: 0.07; }
details { margin-top: auto; padding-top: 8px; font-size: 13px; }
summary { color: var(--soft); cursor: pointer; width: fit-content; padding: 2px 0; }
summary:hover { color: var(--ink); }
.scroll { overflow-x: auto; margin-top: 6px; }
.scroll:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13.5px; }
th, td { padding: 5px 14px 5px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: var(--soft); }
tbody th { font-weight: 400; color: var(--ink); }
tr.group th { padding-top: 14px; font-weight: 600; color: var(--soft); border-bottom-color: var(--axis); }
table.figures { width: 100%; }
caption { text-align: left; font-weight: 600; color: var(--soft); padding: 4px 0; border-bottom: 1px solid var(--axis); }
.groups { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: 16px 36px; align-items: start; }
.groups td { padding-right: 0; }
code, pre { font: 13px/1.6 ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
pre { margin: 0; overflow-x: auto; }
@media (max-width: 520px) {
  main { padding: 20px 12px 32px; } h1 { font-size: 22px; } .card { padding: 14px 14px 10px; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 8px; } .tile dd { font-size: 20px; }
}
@media print { body { background: none; } .card, .tile { break-inside: avoid; } .hit { display: none; } }
`;
