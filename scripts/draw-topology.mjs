// Draws docs/images/topology.svg, the picture of the README. With --check it only says whether the file is up to date.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../docs/images/topology.svg', import.meta.url));
const WIDTH = 760;
const HEIGHT = 300;
const BOX = { width: 120, height: 40 };
const ROWS = [70, 130, 190];

/** Colours of both themes. A picture in a page follows the system, because it does not know the theme of the page. */
const STYLE = `
    text { font: 14px system-ui, sans-serif; fill: #1f2328; text-anchor: middle; }
    .title { font-weight: 600; }
    .small { font-size: 12px; fill: #59636e; }
    .box { fill: #ffffff; stroke: #818b98; stroke-width: 1.5; }
    .leader { fill: #ddf4ff; stroke: #0969da; }
    .host { fill: none; stroke: #818b98; stroke-dasharray: 4 4; }
    .line { fill: none; stroke: #59636e; stroke-width: 1.5; }
    .strong { stroke: #0969da; stroke-width: 2.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .small { fill: #9198a1; }
      .box { fill: #151b23; stroke: #656c76; }
      .leader { fill: #121d2f; stroke: #4493f8; }
      .host { stroke: #656c76; }
      .line { stroke: #9198a1; }
      .strong { stroke: #4493f8; }
    }
  `;

const text = (x, y, words, kind = '') => `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}>${words}</text>`;
const line = (x1, y1, x2, y2, kind = '') =>
  `<path class="line${kind && ` ${kind}`}" d="M${x1} ${y1} L${x2} ${y2}"/><circle cx="${x2}" cy="${y2}" r="3" class="line${kind && ` ${kind}`}"/>`;

/** @param y of the middle */
function box(x, y, words, kind = '') {
  const { width, height } = BOX;
  return `<rect class="box${kind && ` ${kind}`}" x="${x}" y="${y - height / 2}" width="${width}" height="${height}" rx="6"/>${text(x + width / 2, y + 5, words)}`;
}

/** One half of the picture: three processes on a host, and the server. */
function half(left, title, parts) {
  const [first, , last] = ROWS;
  return [
    text(left + 165, 24, title, 'title'),
    `<rect class="host" x="${left}" y="${first - 34}" width="${BOX.width + 32}" height="${last - first + 68}" rx="8"/>`,
    text(left + 76, last + 54, 'one host', 'small'),
    ...parts(left + 16, left + 210),
  ];
}

const without = half(20, 'without trunkline', (x, server) => [
  ...ROWS.map((y) => line(x + BOX.width, y, server, 130)),
  ...ROWS.map((y, i) => box(x, y, `process ${i + 1}`)),
  box(server, 130, 'upstream server'),
  text(server + BOX.width / 2, 176, 'three connections', 'small'),
]);
const shared = half(410, 'with trunkline', (x, server) => [
  line(x + BOX.width, ROWS[0], server, 130, 'strong'),
  line(x + BOX.width / 2, ROWS[1] - 20, x + BOX.width / 2, ROWS[0] + 20),
  `<path class="line" d="M${x} ${ROWS[2]} C ${x - 18} ${ROWS[2] - 30}, ${x - 18} ${ROWS[0] + 30}, ${x} ${ROWS[0]}"/>`,
  box(x, ROWS[0], 'process 1', 'leader'),
  box(x, ROWS[1], 'process 2'),
  box(x, ROWS[2], 'process 3'),
  box(server, 130, 'upstream server'),
  text(server + BOX.width / 2, 176, 'one connection', 'small'),
  text(585, 262, 'process 1 leads; 2 and 3 follow it over 127.0.0.1', 'small'),
  text(585, 282, 'when it dies, another one leads at once', 'small'),
]);

const label =
  'Without trunkline each of three processes has a connection to the upstream server. With it one process has a connection, and the others follow that process.';
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${label}">`,
  `  <style>${STYLE}</style>`,
  ...[...without, ...shared].map((element) => `  ${element}`),
  '</svg>',
  '',
].join('\n');

if (!process.argv.includes('--check')) writeFileSync(file, svg);
else if (readFileSync(file, 'utf8') !== svg) {
  console.error('docs/images/topology.svg is not what scripts/draw-topology.mjs draws: node scripts/draw-topology.mjs');
  process.exitCode = 1;
}
