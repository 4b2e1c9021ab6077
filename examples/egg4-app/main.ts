// Starts the application: `startCluster` of egg is that of the package called @eggjs/cluster, which is trunkline here. OPTIONS may
// hold more options as JSON.

import { startCluster, type ClusterOptions } from 'egg';

const options: ClusterOptions = {
  baseDir: import.meta.dirname,
  workers: Number(process.env.WORKERS ?? 2),
  port: Number(process.env.PORT ?? 7001),
  env: 'prod',
  ...(JSON.parse(process.env.OPTIONS ?? '{}') as ClusterOptions),
};

await startCluster(options);
console.log('started');
