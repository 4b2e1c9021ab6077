// An agent that holds the only upstream client, and four workers that answer HTTP with the values. Kill any process and look
// again; SIGHUP replaces all, Ctrl-C ends all.

import { join } from 'node:path';
import { startCluster } from 'trunkline/supervisor';

const port = process.env.PORT ?? '8080';

startCluster({
  agent: join(__dirname, 'agent.js'),
  app: join(__dirname, 'app.js'),
  workers: 4,
  environment: { PORT: port },
}).then(
  ({ status }) => {
    for (const { name, pid } of status) console.log(`${name}: process ${pid}`);
    console.log(`try: curl http://127.0.0.1:${port}/USD`);
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
