// What a master is told of an error.

import net from 'node:net';
import { describeError } from '../../../src/supervisor/child/describe-error';

const refusal = (fields: object): Error => Object.assign(new Error('listen'), { syscall: 'listen', ...fields });

test('a port in use is told in one sentence, without the stack', async () => {
  const first = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => first.once('listening', resolve));
  const { port } = first.address() as net.AddressInfo;
  const second = net.createServer().listen(port, '127.0.0.1');
  const error = await new Promise((resolve) => second.once('error', resolve));
  first.close();
  expect(describeError(error)).toBe(`EADDRINUSE: 127.0.0.1:${port} is in use by another program`);
});

test.each([
  [{ code: 'EADDRINUSE', syscall: 'bind', address: '::', port: 80 }, 'EADDRINUSE: [::]:80 is in use by another program'],
  [{ code: 'EADDRINUSE', address: '/run/app.sock', port: -1 }, 'EADDRINUSE: /run/app.sock is in use by another program'],
  [{ code: 'EACCES', address: '0.0.0.0', port: 80 }, 'EACCES: this user may not listen on 0.0.0.0:80'],
  [
    { code: 'EADDRNOTAVAIL', address: '10.9.9.9', port: 80 },
    'EADDRNOTAVAIL: no interface of this machine has the address of 10.9.9.9:80',
  ],
])('%j is told as %j', (fields, sentence) => {
  expect(describeError(refusal(fields))).toBe(sentence);
});

test('any other error is told with its stack, and with its fields', () => {
  expect(describeError(Object.assign(new Error('no config'), { code: 'ENOENT' }))).toMatch(/^Error: no config\n +at [^]*ENOENT/);
  expect(describeError(refusal({ code: 'ENOENT' }))).toMatch(/^Error: listen\n/);
  expect(describeError('text')).toBe("'text'");
});
