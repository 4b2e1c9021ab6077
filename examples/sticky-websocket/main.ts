// Websockets over four workers: each client address has a fixed worker. Behind a proxy set HEADER=x-forwarded-for.

import { join } from 'node:path';
import { startCluster } from 'trunkline/supervisor';

const port = Number(process.env.PORT ?? 8080);
const header = process.env.HEADER;

startCluster({ app: join(__dirname, 'app.js'), workers: 4, port, sticky: header === undefined ? true : { header } }).then(
  ({ status }) => {
    for (const { name, pid } of status) console.log(`${name}: process ${pid}`);
    console.log(`try: npx wscat -c 'ws://127.0.0.1:${port}/?name=ada', twice, from this and from another address`);
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
