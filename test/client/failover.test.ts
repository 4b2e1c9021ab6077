// How the search for a leader reacts to different peers, between two attempts.

import net from 'node:net';
import type { Candidacy } from '../../protocol/candidacy';
import type { Join } from '../../protocol/message';
import { structuredTranscode, ValueCodec } from '../../protocol/value-codec';
import cluster from '../../src';
import { Failover } from '../../src/client/failover';
import { Reception } from '../../src/election/reception';
import type { Meeting } from '../../src/election/term';
import type { ChannelSpec } from '../../src/roles/role';
import { systemClock, type Clock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { Listener } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { credentialsOf, meetingAt } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

const channel = { name: 'blue', identity: '', isStrict: false };
const values = new ValueCodec(structuredTranscode);
const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();
let skewMs: number;
let clock: Clock;
let meeting: Meeting;
let failover: Failover | undefined;
let setbacks: unknown[];

beforeEach(async () => {
  skewMs = 0;
  clock = { ...systemClock, now: () => systemClock.now() + skewMs };
  meeting = meetingAt(await freePort(), { clock });
  setbacks = [];
  failover = undefined;
});

afterEach(async () => {
  await failover?.close();
  await stopListening();
});

function seek(candidacy: Candidacy = 'follows'): void {
  const spec = {
    name: 'blue',
    id: channel,
    values,
    sharedMethods: [],
    responseTimeoutMs: 3_000,
    logger: meeting.logger,
    clock,
  } as unknown as ChannelSpec;
  failover = new Failover({
    spec,
    participation: { meeting, candidacy },
    maxWaitMs: 60_000,
    hooks: { onError: () => undefined, onUpstream: () => () => undefined },
    wanted: () => [],
    events: {
      onEnter: () => undefined,
      onLeave: () => undefined,
      onSetback: (error) => void setbacks.push(error),
      onRecovery: () => undefined,
      onFailover: () => undefined,
      onPhase: () => undefined,
    },
  });
  failover.start();
}

/** Somebody takes the port. @returns how many connections came */
async function listen(onServer: (server: net.Server) => void): Promise<() => number> {
  const server = net.createServer({ noDelay: true });
  servers.push(server);
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(meeting.endpoint.port, '127.0.0.1', resolve));
  onServer(server);
  return () => accepted;
}

async function stopListening(): Promise<void> {
  const closed = servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}

const hangUp = (server: net.Server): void => void server.on('connection', (socket) => socket.destroy());
/** A leader whose upstream client is not ready. */
const receive = (server: net.Server): void => {
  const onRelease = (): Promise<void> => Promise.resolve();
  const reception = new Reception({ server, meeting, appoints: true, hasPredecessor: false, onRelease });
  reception.enter(channel, 1)!.open({
    admit: (connection, { id }) => connection.send({ type: 'wait', id, code: 'upstream', sentence: 'not ready yet' }),
    admitLegacy: () => undefined,
    sendOn: () => undefined,
  });
};

test('a program that closes every connection without an answer is named after a while', async () => {
  seek();
  const accepted = await listen(hangUp);
  await eventually('some attempts', () => accepted() > 1);
  expect(setbacks).toEqual([]);
  skewMs += 10_000;
  await eventually('the error', () => setbacks.length > 0);
  expect(setbacks[0]).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN' });
});

test('a holder of the port that answered in between is not taken for such a program when it goes', async () => {
  seek();
  const before = await listen(hangUp);
  await eventually('an attempt', () => before() > 0);
  await stopListening();
  await listen(receive);
  await eventually('it is answered', () => failover!.search.phase === 'waiting for upstream');
  skewMs += 10_000;
  await stopListening();
  const after = await listen(hangUp);
  await eventually('some attempts', () => after() > 1);
  expect(setbacks).toEqual([]);
});

const waitForAnother = (connection: Connection, { id }: Join): void => {
  connection.send({ type: 'wait', id, code: 'hand-off', sentence: 'the successor of the leader is getting ready' });
};

/** A port holder. @param answer says that it has appointed another process, if not given @returns how each process asked */
async function hold(answer = waitForAnother): Promise<Candidacy[]> {
  const heard: Candidacy[] = [];
  await listen((server) => {
    new Listener({
      server,
      credentials: meeting.credentials,
      clock,
      owner: {
        onPeer: (connection, opening) => {
          if (opening.type !== 'join') return;
          heard.push(opening.candidacy);
          answer(connection, opening);
        },
        onLegacyPeer: () => undefined,
        warn: () => undefined,
        debug: () => undefined,
      },
    });
  });
  return heard;
}

test.each<Candidacy>(['competes', 'leads', 'succeeds'])(
  'it %s: when the port holder dies after it has appointed another process, that one has time to take its place',
  async (candidacy) => {
    const before = await hold(); // the process under test cannot bind the port now
    seek(candidacy);
    await eventually('it waits', () => failover!.search.phase === 'waiting for a leader');
    await stopListening();
    const after = await hold(); // fails when the process under test has taken the port
    await eventually('it competes again', () => after.length > 1);
    expect([before, after]).toEqual([[candidacy], ['follows', candidacy]]);
    expect(setbacks).toEqual([]);
  },
);

test('when the leader dies after it has said that it hands over, the next one has time to take its place', async () => {
  meeting = { ...meeting, credentials: credentialsOf(undefined) };
  await hold((connection, { id }) => {
    connection.send({ type: 'joined', id, term: 1, codec: 'structured', identity: '', parts: Buffer.alloc(0) });
    connection.send({ type: 'goaway', code: 'hand-off', sentence: 'this leader is going' });
    void connection.close();
    for (const server of servers.splice(0)) server.close();
  });
  const client = cluster(upstreamClass(), {
    port: meeting.endpoint.port,
    name: 'blue',
    auth: false,
    logger: meeting.logger,
  }).create();
  try {
    await client.ready();
    const after = await hold(); // fails when the process under test has taken the port
    await eventually('it competes again', () => after.length > 1);
    expect(after).toEqual(['follows', 'competes']);
  } finally {
    await client.close();
  }
});
