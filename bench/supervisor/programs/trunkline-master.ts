// A master under trunkline: plain programs.

import { join } from 'node:path';
import { startCluster } from 'trunkline/supervisor';
import type { MasterOptions, MasterMessage } from '../peers/master';

const { agent, workers, compileCache } = JSON.parse(process.argv[2]!) as MasterOptions;

// The driver is gone: nobody looks any more.
process.on('disconnect', () => process.exit(1));

void startCluster({
  ...(agent && { agent: join(__dirname, 'plain-agent.js') }),
  app: join(__dirname, 'plain-worker.js'),
  workers,
  compileCache,
}).then((supervised) => {
  const tell = (message: MasterMessage): void => void process.send?.(message);
  process.on('message', (message) => {
    if (message !== 'reload') return;
    supervised.reload().then(
      () => tell({ reloaded: true }),
      (error: unknown) => tell({ reloaded: false, reason: String(error) }),
    );
  });
});
