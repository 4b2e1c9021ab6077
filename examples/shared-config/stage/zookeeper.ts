// ZooKeeper as Debian packages it. It says how many connections there are, the one of the question among them.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask';
import { isCommand, type ServerProgram } from './own-server';

/** Where Debian's package zookeeper keeps its code. */
const JARS = '/usr/share/java';
const CONNECTIONS = /^Connections: (\d+)/m;

export const zookeeper: ServerProgram = {
  name: 'ZooKeeper',
  unit: 'upstream connections',
  countedBy: 'ZooKeeper',
  count: async (url) => {
    const found = CONNECTIONS.exec(await ask(url, 'srvr'));
    if (!found) throw new Error('it is starting');
    return Number(found[1]);
  },
  ports: 1,
  missing: () => {
    const isThere = existsSync(JARS) && readdirSync(JARS).some((name) => name.startsWith('zookeeper-3'));
    return isThere && isCommand('java', '-version')
      ? undefined
      : 'ZooKeeper is not installed here (Debian: zookeeper); install it';
  },
  command: (folder, [port]) => {
    const settings = {
      tickTime: 500,
      dataDir: folder,
      clientPort: port,
      clientPortAddress: '127.0.0.1',
      'admin.enableServer': false,
      '4lw.commands.whitelist': 'srvr',
    };
    const file = join(folder, 'zoo.cfg');
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(file, lines.join(''));
    const classPath = readdirSync(JARS).filter((name) => name.endsWith('.jar'));
    const jars = classPath.map((name) => join(JARS, name)).join(':');
    return ['java', '-Xmx64m', '-cp', jars, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
  },
  url: (port) => `zookeeper://127.0.0.1:${port}`,
};
