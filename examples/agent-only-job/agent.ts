// The agent leads, and therefore the job runs here. When the agent dies the next agent starts the job again.

import cluster from 'trunkline';
import { onStop } from 'trunkline/supervisor';
import { LogRotation, rotationOptions } from './log-rotation';

const rotation = cluster(LogRotation).create(rotationOptions(process.env));
onStop(() => rotation.close());

export default rotation.ready();
