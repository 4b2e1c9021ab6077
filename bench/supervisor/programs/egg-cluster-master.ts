// A master under egg-cluster: the framework, in production mode, in which dead workers are replaced.

import { createRequire } from 'node:module';
import { packageFolder } from '../packages';
import type { MasterOptions } from '../peers/master';

interface EggCluster {
  readonly startCluster: (options: object) => void;
}

const { workers, framework, port } = JSON.parse(process.argv[2]!) as MasterOptions;

// The driver is gone: nobody looks any more.
process.on('disconnect', () => process.exit(1));

const { startCluster } = createRequire(__filename)(packageFolder('egg-cluster')) as EggCluster;
startCluster({ framework, baseDir: framework, workers, port, env: 'prod' });
