// What a master is told of an error.

import net from 'node:net';
import { describeError } from '../../../src/supervisor/child/describe-error';
import { describeFrameworkError } from '../../../src/supervisor/child/framework-error';

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
  [{ code: 'EADDRINUSE', syscall: 'bind', address: null, port: 80 }, 'EADDRINUSE: port 80 is in use by another program'],
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

test('an error that cannot be shown is told as such', () => {
  const error = new Error('hidden');
  Object.defineProperty(error, 'stack', {
    get: () => {
      throw new Error('no');
    },
  });
  expect(describeError(error)).toMatch(/cannot be shown|hidden/);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(typeof describeError(proxy)).toBe('string');
  expect(describeError({ [Symbol.for('nodejs.util.inspect.custom')]: () => Promise.reject.call(1) })).toBe(
    'an error that cannot be shown: one of its fields throws',
  );
});

describe('an error of egg, marked by its package', () => {
  const marked = (message: string) => {
    const error = Object.assign(new Error(message), { code: 'plugin_99', serialNumber: '99', errorContext: { port: 1 } });
    Object.defineProperty(error, 'name', { value: 'CustomError' });
    return Object.assign(error, { [Symbol.for('FrameworkBaseError')]: true });
  };

  test('is told as egg does, with the link under which it is explained', () => {
    expect(describeError(marked('no plugin'))).toMatch(
      /^framework\.CustomError: no plugin \[ https:\/\/eggjs\.org\/zh-cn\/faq\/plugin_99 \]\n +at [^]*\ncode: plugin_99\nserialNumber: 99\nerrorContext: {"port":1}$/,
    );
  });

  test('has the link once, and that of the framework where it names another place', () => {
    const link = '[ https://eggjs.org/zh-cn/faq/plugin_99 ]';
    expect(describeError(marked(`no plugin ${link}`)).split('faq')).toHaveLength(2);
    expect(describeFrameworkError(marked('no plugin'), 'https://example.org/why')).toContain(
      'no plugin [ https://example.org/why/plugin_99 ]',
    );
    expect(describeFrameworkError(new Error('another'))).toBeUndefined();
  });
});
