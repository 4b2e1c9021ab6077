// Loggers that people have: given as they are, each writes the lines of the library with their level.

import { once } from 'node:events';
import net from 'node:net';
import { Writable } from 'node:stream';
import pino from 'pino';
import winston from 'winston';
import cluster from '../src';
import type { Logger } from '../src/logger';
import { upstreamClass } from './support/fake-upstream';
import { leavesNothingOpen } from './support/open-handles';
import { freePort } from './support/ports';

leavesNothingOpen();

interface Line {
  readonly level: string;
  readonly message: string;
}

/** Collects lines of JSON. */
function collecting(): { lines: Record<string, unknown>[]; stream: Writable } {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      for (const text of chunk.toString().trim().split('\n')) lines.push(JSON.parse(text) as Record<string, unknown>);
      done();
    },
  });
  return { lines, stream };
}

const kinds: Record<string, () => { logger: Logger; written: () => Line[] }> = {
  pino: () => {
    const { lines, stream } = collecting();
    const written = (): Line[] =>
      lines.map(({ level, msg }) => ({ level: pino.levels.labels[level as number]!, message: msg as string }));
    return { logger: pino({ level: 'debug' }, stream), written };
  },
  'a child of pino': () => {
    const { lines, stream } = collecting();
    const written = (): Line[] =>
      lines.map(({ level, msg, name }) => ({
        level: pino.levels.labels[level as number]!,
        message: `${name as string} ${msg as string}`,
      }));
    return { logger: pino({ level: 'debug' }, stream).child({ name: 'app' }), written };
  },
  winston: () => {
    const { lines, stream } = collecting();
    const logger = winston.createLogger({ level: 'debug', transports: [new winston.transports.Stream({ stream })] });
    return { logger, written: () => lines as unknown as Line[] };
  },
};

test.each(Object.keys(kinds))('%s', async (kind) => {
  const { logger, written } = kinds[kind]!();
  const port = await freePort();
  const leader = cluster(upstreamClass(), { name: 'red', port, logger, identity: 'warn' }).create();
  await leader.ready();
  // Constructor arguments that differ are a warning that names the place.
  const follower = cluster(upstreamClass(), { name: 'red', port, logger, isLeader: false, identity: 'warn' }).create({ a: 1 });
  await follower.ready();
  // A stranger at the port is a line for debugging.
  const stranger = net.connect(port, '127.0.0.1', () => stranger.end('GET / HTTP/1.1\r\n\r\n'));
  stranger.on('error', () => undefined).resume();
  await once(stranger, 'close');
  await cluster.close(follower);
  await cluster.close(leader);
  const lines = written();
  expect(lines.find(({ level }) => level === 'warn')?.message).toMatch(/red: /);
  expect(lines.find(({ level }) => level === 'debug')?.message).toMatch(/socket closed/);
  for (const { level, message } of lines) {
    expect(['debug', 'info', 'warn']).toContain(level);
    expect(message).toMatch(/\S/);
  }
});
