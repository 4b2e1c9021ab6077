// A worker as in the documentation of PM2, "Graceful Start/Shutdown": reports to be ready, and SIGINT closes the server before
// the process ends.

import http from 'node:http';
import { startWorker } from './application';
import { reportReady } from './report';

void startWorker().then((listener) => {
  const server = http.createServer(listener).listen(Number(process.env.PORT), '127.0.0.1', () => {
    process.send?.('ready');
    reportReady('worker');
  });
  process.on('SIGINT', () => server.close((error) => process.exit(error ? 1 : 0)));
});
