// The agent: it leads, so the job runs here. When the agent dies the next one starts it again.

import cluster from 'trunkline';
import { onStop } from 'trunkline/supervisor';
import { LogRotation } from './log-rotation';

const { LOG_FILE: file = 'app.log', ROTATE_AFTER_MS: firstAfterMs } = process.env;

const rotation = cluster(LogRotation).create({ file, firstAfterMs: firstAfterMs ? Number(firstAfterMs) : undefined });
onStop(() => rotation.close());

export default rotation.ready();
