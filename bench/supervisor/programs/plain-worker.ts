// A worker as a plain program: an HTTP server and nothing that knows of a supervisor.

import http from 'node:http';
import { startWorker } from './application';
import { reportReady } from './report';

void startWorker().then((listener) => {
  http.createServer(listener).listen(Number(process.env.PORT), '127.0.0.1', () => reportReady('worker'));
});
