// Three workers write to a common log file, and the agent renames the file at midnight: a job that must be done once on a host,
// for any number of processes. Kill the agent and the next agent takes the job over; Ctrl-C ends everything.

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startCluster } from 'trunkline/supervisor';

const file = process.env.LOG_FILE ?? join(tmpdir(), 'trunkline-agent-only-job', 'app.log');
mkdirSync(dirname(file), { recursive: true });

startCluster({
  agent: join(__dirname, 'agent.js'),
  app: join(__dirname, 'app.js'),
  workers: 3,
  environment: { LOG_FILE: file },
}).then(
  ({ status }) => {
    for (const { name, pid } of status) console.log(`${name}: process ${pid}`);
    console.log(`they write to ${file}`);
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
