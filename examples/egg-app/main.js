// Starts the application as `egg-scripts` would: `startCluster` of egg is that of the package called egg-cluster.
'use strict';

require('egg').startCluster({
  baseDir: __dirname,
  workers: Number(process.env.WORKERS || 2),
  port: Number(process.env.PORT || 7001),
  env: 'prod',
});
