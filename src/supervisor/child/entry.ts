// The program that a child runs. With the command line the only place that reads argv or ends the process.

import { ChildRuntime } from './child-runtime';
import { watchMaster } from './orphan-watch';
import { installRuntime } from './runtime';

const [file, masterPid] = process.argv.slice(2);
if (file === undefined || masterPid === undefined || !process.connected) {
  console.error('this program is started by startCluster of trunkline');
  process.exit(2);
}
const runtime = new ChildRuntime((code) => process.exit(code));
installRuntime(runtime);
watchMaster(Number(masterPid));
void runtime.run(file);
