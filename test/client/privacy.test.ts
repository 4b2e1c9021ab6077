// What inspections, JSON and errors show of clients and options.

import { inspect } from 'node:util';
import cluster, { APIClientBase } from '../../src';
import type { ClientOptions } from '../../src/options';
import { resolveOptions } from '../../src/options';
import { formatSeatSecret, SEAT_SECRET_VARIABLE, SEAT_VARIABLE } from '../../src/seat';
import { freePort } from '../support/ports';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

const SECRET = 'nobody may see this text';

class Upstream {
  async get(): Promise<number> {
    return 1;
  }
  close(): void {
    // nothing to close
  }
}

class Api extends APIClientBase<typeof Upstream> {
  constructor(options: object) {
    super(options);
    // A class field of a program in JavaScript would be defined in this way.
    const clusterOptions: ClientOptions = { singleMode: true, secret: SECRET };
    Object.defineProperty(this, 'clusterOptions', { value: clusterOptions, enumerable: true });
  }
  override get DataClient() {
    return Upstream;
  }
}

/** Everything that a program could print of the value. */
const shown = (value: object): string =>
  [inspect(value), inspect({ value }, { depth: 20, showHidden: true }), JSON.stringify(value)].join('\n');

test.each([
  ['single', { singleMode: true }],
  ['leader', { isLeader: true }],
])('a %s client shows its channel and state, and no secret', async (role, options) => {
  const client = cluster(Upstream, { ...options, port: await freePort(), name: 'quiet', secret: SECRET }).create();
  await client.ready();
  expect(shown(client)).not.toContain(SECRET);
  expect(shown((client as unknown as { options: object }).options)).not.toContain(SECRET);
  expect(inspect(client)).toBe(`SharedClient { channel: 'quiet', state: 'ready', role: '${role}' }`);
  expect(JSON.parse(JSON.stringify(client))).toEqual({ channel: 'quiet', state: 'ready', role });
  await client.close();
});

test('an API client shows neither its options nor those of its shared client', async () => {
  const api = new Api({ password: SECRET });
  await api.ready();
  expect(shown(api)).not.toContain(SECRET);
  expect(inspect(api)).toBe('Api { isReady: true }');
  expect(JSON.parse(JSON.stringify(api))).toEqual({ isReady: true });
  await api.close();
});

test.each(['', 'fifteen letters'])('a secret of fewer than 16 characters is refused, and not shown: %j', (secret) => {
  const refusal = (): unknown => cluster(Upstream, { secret });
  expect(refusal).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option: 'secret' }));
  try {
    resolveOptions({}, 'Upstream', { TRUNKLINE_SECRET: 'fifteen letters' });
    throw new Error('it was taken');
  } catch (error) {
    expect(inspect(error)).toContain('environment variable TRUNKLINE_SECRET must be a string of at least 16 characters');
    expect(inspect(error)).not.toContain('fifteen letters');
  }
});

describe('what a supervisor has given counts', () => {
  const given = 'ab'.repeat(32);
  const env = { [SEAT_VARIABLE]: 'follows:7123', [SEAT_SECRET_VARIABLE]: formatSeatSecret(7123, given) };

  test('at its own cluster port', () => {
    expect(resolveOptions({}, 'Upstream', env).secret?.reveal()).toBe(given);
    expect(resolveOptions({ port: 7123 }, 'Upstream', env).secret?.reveal()).toBe(given);
  });

  test('at no other port, where processes have the file of their user', () => {
    expect(resolveOptions({ port: 7124 }, 'Upstream', env).secret).toBeUndefined();
  });

  test('less than what the user gives', () => {
    expect(resolveOptions({ secret: SECRET }, 'Upstream', env).secret?.reveal()).toBe(SECRET);
    expect(resolveOptions({}, 'Upstream', { ...env, TRUNKLINE_SECRET: SECRET }).secret?.reveal()).toBe(SECRET);
  });
});
