// Loads a package as the first action of a process, and prints the cost as JSON. Run by workloads/loading.ts.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [name = 'empty'] = process.argv.slice(2);
const load = createRequire(__filename);

/** What is in memory now; the figure of process.memoryUsage() needs nothing to be loaded. */
function residentMb(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

function filesLoaded(): number {
  return Object.keys(load.cache).length;
}

readFileSync(__filename); // loads what the loader needs, which every peer has
const files = filesLoaded();
const mb = residentMb();
const cpu = process.cpuUsage();
const startedAt = process.hrtime.bigint();
if (name !== 'empty') load(name);
const wallMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({ cpuMs: (user + system) / 1_000, wallMs, residentMb: residentMb() - mb, modules: filesLoaded() - files }),
);
