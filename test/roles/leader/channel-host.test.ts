// Messages of a registered peer run code of the user in the leader; no message may end that process.

import net from 'node:net';
import { v1Codec } from '../../../protocol/v1';
import type { Message } from '../../../protocol/message';
import { serializeJsonTranscode } from '../../../protocol/value-codec';
import cluster from '../../../src';
import { eventually } from '../../support/eventually';
import { upstreamClass } from '../../support/fake-upstream';
import { freePort } from '../../support/ports';
import { recordingLogger } from '../../support/recording-logger';

const encode = (value: unknown): Buffer => Buffer.from(serializeJsonTranscode.encode(value));
const envelope = { timeoutMs: 1000 };

it('a formatKey, transcode or registration that throws becomes an error event; the leader goes on', async () => {
  const Registry = upstreamClass();
  const port = await freePort();
  const leader = cluster(Registry, {
    port,
    logger: recordingLogger(),
    name: 'hostile',
    allowLegacyPeers: true,
    formatKey: (registration) => {
      if (registration === 'poison') throw new Error('formatKey threw');
      return JSON.stringify(registration);
    },
  })
    .delegate('unPublish')
    .create();
  const errors: Error[] = [];
  leader.on('error', (error: Error) => errors.push(error));
  await leader.ready();

  const socket = net.connect(port, '127.0.0.1');
  const answers: Message[] = [];
  socket.on('data', (chunk: Buffer) => {
    for (let rest = chunk; rest.length > 0;) {
      const length = 24 + rest.readInt32BE(16) + rest.readInt32BE(20);
      answers.push(v1Codec.decode(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  });
  const send = (message: Message): boolean => socket.write(v1Codec.encode(message));
  send({ type: 'register', id: 1, ...envelope, channel: 'hostile' });
  send({ type: 'subscribe', id: 2, ...envelope, key: 'k', registration: 'poison' });
  send({ type: 'subscribe', id: 3, ...envelope, key: 'l', registration: 'fine', payload: Buffer.from('not serialize-json') });
  send({ type: 'call', id: 4, ...envelope, method: 'publish', args: [encode('poison')], oneway: true });
  send({ type: 'call', id: 5, ...envelope, method: 'unPublish', args: [encode('poison')], oneway: false, style: 'promise' });
  send({
    type: 'call',
    id: 6,
    ...envelope,
    method: 'echo',
    args: [Buffer.from('not serialize-json')],
    oneway: false,
    style: 'promise',
  });
  send({ type: 'call', id: 7, ...envelope, method: 'constructor', args: [], oneway: false, style: 'promise' });
  send({ type: 'call', id: 8, ...envelope, method: 'echo', args: [encode('alive')], oneway: false, style: 'promise' });

  await eventually('the last answer', () => answers.some(({ id }) => id === 8));
  const outcome = (id: number) => answers.find((answer) => answer.id === id)?.type;
  expect([5, 6, 7, 8].map(outcome)).toEqual(['call-failure', 'call-failure', 'call-failure', 'call-result']);
  await eventually('three errors', () => errors.length === 3);
  expect(errors.filter(({ message }) => message === 'formatKey threw')).toHaveLength(2);
  await expect(leader.echo('still here')).resolves.toBe('still here');
  socket.destroy();
  await leader.close();
});

test('processes of cluster-client 3.x that are refused are no followers, and cost one line', async () => {
  const port = await freePort();
  const logger = recordingLogger();
  const leader = cluster(upstreamClass(), { port, logger, name: 'closed', isLeader: true }).create();
  await leader.ready();
  const sockets = Array.from({ length: 5 }, () => net.connect(port, '127.0.0.1'));
  const answers = sockets.map(
    (socket) => new Promise<Message>((resolve) => socket.once('data', (chunk: Buffer) => resolve(v1Codec.decode(chunk)))),
  );
  for (const socket of sockets) socket.write(v1Codec.encode({ type: 'register', id: 1, ...envelope, channel: 'closed' }));
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ type: 'register-result', id: 1 });
  expect(leader.status().followers).toEqual([]);
  expect(logger.lines.filter(({ message }) => message.includes('a process of cluster-client 3.x cannot prove'))).toHaveLength(1);
  await leader.close();
  for (const socket of sockets) socket.destroy();
});
