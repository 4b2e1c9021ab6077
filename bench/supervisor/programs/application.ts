// The application that every supervisor runs: an agent with an upstream client, workers that answer HTTP with a value from the
// agent. The same file serves as plain programs and in a framework.

import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { Base } from 'sdk-base';
import type trunkline from '../../../src/index';
import { reportReady, reportValue } from './report';

/** Which package shares the upstream client; not set: the application has none. */
export const CLIENT_VARIABLE = 'BENCH_CLIENT';

/** Where the shared clients meet, if the supervisor does not say. */
export interface Place {
  readonly port: number;
  readonly isLeader: boolean;
}

/** How long a request takes, ms. */
const WORK_MS = 20;

const quiet = () => undefined;
const QUIET = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Gives a single value: the process in which the feed runs. */
class Feed extends Base {
  constructor() {
    super();
    this.ready(true);
  }

  subscribe(_registration: unknown, listener: (value: number) => void): void {
    setImmediate(listener, process.pid);
  }
}

/** The work of the agent; resolves when the agent is ready. */
export async function startAgent(place?: Place): Promise<void> {
  await sharedFeed(place)?.ready();
  reportReady('agent');
}

/** The work of a worker before listening. */
export async function startWorker(place?: Place): Promise<RequestListener> {
  const feed = sharedFeed(place);
  let agent: number | undefined;
  feed?.subscribe('agent', (value) => {
    agent = value;
    reportValue(value);
  });
  await feed?.ready();
  return (request, response) => {
    const answer = (): void => void response.end(JSON.stringify({ pid: process.pid, agent }));
    if (request.url !== '/work') {
      answer();
      return;
    }
    response.writeProcessing(); // tells a client that may lose the answer that the request was begun
    void wait(WORK_MS).then(answer);
  };
}

function sharedFeed(place: Place | undefined) {
  const packageName = process.env[CLIENT_VARIABLE];
  if (packageName === undefined) return undefined;
  const cluster = createRequire(__filename)(packageName) as typeof trunkline;
  const client = cluster(Feed, { ...place, logger: QUIET }).create();
  client.on('error', quiet); // the loss of the leader is part of the measurement
  return client;
}
