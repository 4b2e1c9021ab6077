// The web server of the dashboard: who gets what, and what is answered to those who do not. Requests are made by hand, because
// fetch sets the Host header itself.

import http from 'node:http';
import { startDashboard, type Dashboard, type DashboardOptions, type HostView } from '../../../src/observe';
import { ScriptedHost } from '../../support/scripted-host';

const TOKEN = 'the-token-of-this-test';
let dashboard: Dashboard | undefined;
let host: ScriptedHost;

afterEach(() => dashboard?.close());

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Asking = Pick<http.RequestOptions, 'method' | 'headers'> & { readonly body?: string };

async function start(options: Partial<DashboardOptions> = {}): Promise<void> {
  host = new ScriptedHost({ workers: 2 });
  dashboard = await startDashboard({ source: host, port: 0, ...options });
}

function ask(path: string, { body, ...options }: Asking = {}): Promise<Answer> {
  const { hostname, port } = new URL(dashboard!.url);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: hostname.replace(/[[\]]/g, ''), port, path, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }));
    });
    request.on('error', reject).end(body);
  });
}

/** The status code and the sentence of a refusal. */
async function refusal(path: string, asking?: Asking): Promise<unknown[]> {
  const { status, body } = await ask(path, asking);
  const { error } = JSON.parse(body) as { error: string };
  return [status, error];
}

const bearer = (token: string): Asking => ({ headers: { authorization: `Bearer ${token}` } });

it('gives the view of the host as JSON', async () => {
  await start();
  const { status, body } = await ask('/api/status');
  expect([status, JSON.parse(body)]).toEqual([200, JSON.parse(JSON.stringify(host.view))]);
});

it('gives the reason of metrics that fail', async () => {
  await start({ metrics: { text: () => Promise.reject(new Error('broken')), contentType: 'text/plain' } });
  expect(await refusal('/metrics')).toEqual([500, 'this went wrong: broken']);
});

it('says why there is no view, and is alive all the same', async () => {
  await start();
  host.goAway('shop is not running');
  expect(await refusal('/api/status')).toEqual([503, 'shop is not running']);
  expect((await ask('/healthz')).status).toBe(200);
});

it('protects every answer, refusals too', async () => {
  await start();
  for (const path of ['/api/status', '/nowhere']) {
    const { headers } = await ask(path);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect([headers['x-content-type-options'], headers['x-frame-options'], headers['referrer-policy']]).toEqual([
      'nosniff',
      'DENY',
      'no-referrer',
    ]);
  }
});

it.each([
  ['/nowhere', {}, 404, 'there is nothing at /nowhere'],
  ['/api/status/../../etc/passwd', {}, 404, 'there is nothing at /etc/passwd'],
  ['/%E0%A4%A', {}, 400, 'the address cannot be read'],
  ['/api/status', { method: 'POST' }, 405, 'this answers only GET'],
  ['/api/actions/reload', {}, 405, 'this answers only POST'],
  [
    '/api/value?channel=a&key=b',
    {},
    403,
    'values are not shown here: start the dashboard with --values, or with the option inspect of startDashboard',
  ],
  ['/api/actions/reload', { method: 'POST' }, 403, 'actions need a token: start the dashboard with --token'],
])('answers %s %j with a status code and a sentence', async (path, asking, status, sentence) => {
  await start();
  expect(await refusal(path, asking)).toEqual([status, sentence]);
});

it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example', 'a b', '10.0.0.1'])(
  'refuses a request under the name %j, which a page of another site may have pointed here',
  async (name) => {
    await start();
    expect((await ask('/api/status', { headers: { host: name } })).status).toBe(421);
  },
);

it.each([
  'localhost',
  'localhost:99',
  'shop.localhost',
  '127.0.0.1',
  '127.9.9.9:1',
  '[::1]:7780',
  'proxy.example',
  'PROXY.example:443',
])('answers under the name %j', async (name) => {
  await start({ allowedHosts: ['proxy.example'] });
  expect((await ask('/api/status', { headers: { host: name } })).status).toBe(200);
});

it('with a token, gives nothing of the host away without it', async () => {
  await start({
    token: TOKEN,
    metrics: { text: () => Promise.resolve('a 1\n'), contentType: 'text/plain' },
    inspect: () => Promise.resolve(1),
  });
  for (const path of ['/api/status', '/api/events', '/metrics', '/api/value?channel=a&key=b', '/nowhere']) {
    expect(await refusal(path)).toEqual([401, 'this needs the token: Authorization: Bearer …']);
    expect(await refusal(path, bearer('another-token-of-a-test'))).toEqual([401, 'the token is wrong']);
    expect(await refusal(path, { headers: { authorization: `Basic ${TOKEN}` } })).toEqual([401, 'the token is wrong']);
  }
  expect((await ask(`/api/status?token=${TOKEN}`)).status).toBe(401);
  expect((await ask('/api/status', bearer(TOKEN))).status).toBe(200);
  expect((await ask('/metrics', bearer(TOKEN))).body).toBe('a 1\n');
  expect((await ask('/healthz')).status).toBe(200);
});

it('gives the metrics of what it shows', async () => {
  await start();
  const { status, headers, body } = await ask('/metrics');
  expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/plain; version=0\.0\.4/)]);
  expect(body).toMatch(/^trunkline_followers\S* 2$/m);
});

it('says what is missing where there are no metrics', async () => {
  jest.doMock('prom-client', () => {
    throw Object.assign(new Error("Cannot find module 'prom-client'"), { code: 'MODULE_NOT_FOUND' });
  });
  await start();
  expect(await refusal('/metrics')).toEqual([501, expect.stringMatching(/prom-client/)]);
  jest.dontMock('prom-client');
});

it('shows values of subscribed keys only, and only with a token', async () => {
  const asked: unknown[] = [];
  const inspect = (wanted: unknown): Promise<unknown> => Promise.resolve(asked.push(wanted));
  await start({ inspect });
  expect(await refusal('/api/value?channel=a&key=b')).toEqual([403, 'values need a token: start the dashboard with --token']);
  await dashboard!.close();
  await start({ inspect, token: TOKEN });
  const [{ channel, port, keys }] = host.view.channels as [HostView['channels'][number]];
  const path = (key: string): string => `/api/value?${new URLSearchParams({ channel, port: String(port), key }).toString()}`;
  expect(await refusal('/api/value?channel=a', bearer(TOKEN))).toEqual([
    400,
    'a value needs a channel and a key: /api/value?channel=…&key=…',
  ]);
  expect(await refusal(path('"another"'), bearer(TOKEN))).toEqual([404, 'no process subscribes this key']);
  expect((await ask(path(keys[0]!.key), bearer(TOKEN))).body).toBe('{"value":1}\n');
  expect(asked).toEqual([{ channel, port, key: keys[0]!.key }]);
});

it('shows values that are no JSON', async () => {
  const cycle: Record<string, unknown> = { big: 10n, map: new Map([['a', NaN]]) };
  cycle.self = cycle;
  for (const [value, shown] of [
    [cycle, { big: { $bigint: '10' }, map: { $map: [['a', { $number: 'NaN' }]] }, self: '[Circular]' }],
    [undefined, undefined],
  ]) {
    await start({ token: TOKEN, inspect: () => Promise.resolve(value) });
    const [{ channel, port, keys }] = host.view.channels as [HostView['channels'][number]];
    const query = new URLSearchParams({ channel, port: String(port), key: keys[0]!.key });
    const { status, body } = await ask(`/api/value?${query.toString()}`, bearer(TOKEN));
    expect([status, JSON.parse(body)]).toEqual([200, { value: shown }]);
    await dashboard!.close();
  }
});

it('answers a view that is no JSON with a sentence, and not with the end of the connection', async () => {
  await start();
  Object.assign(host.view, { application: 1n });
  expect(await refusal('/api/status')).toEqual([500, 'this went wrong: Do not know how to serialize a BigInt']);
});

it('ends the answer to a HEAD request, that for events too', async () => {
  await start();
  for (const path of ['/', '/healthz', '/api/status', '/api/events', '/metrics']) {
    expect(await ask(path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  }
});

describe('actions', () => {
  const done: unknown[] = [];
  const actions = {
    reload: () => Promise.reject(new Error('the application is still starting')),
    restart: (name: string) => Promise.resolve(void done.push(name)),
    scale: (count: number) => Promise.resolve(void done.push(count)),
  };
  const post = (body: string): Asking => ({ method: 'POST', body, ...bearer(TOKEN) });

  it.each([
    ['restart', '', 400, 'restart needs the name of a process, as in {"process": "worker 1"}'],
    ['restart', '{"process":1}', 400, 'restart needs the name of a process, as in {"process": "worker 1"}'],
    ['scale', '{"workers":0}', 400, 'scale needs a whole number above 0, as in {"workers": 4}'],
    ['scale', '{"workers":"4"}', 400, 'scale needs a whole number above 0, as in {"workers": 4}'],
    ['scale', '{', 400, 'the body must be JSON'],
    ['scale', '[]', 400, 'the body must be an object'],
    ['scale', `"${'x'.repeat(5_000)}"`, 413, 'the body may have 4096 bytes'],
    ['explode', '', 404, 'there is no action "explode"; there are reload, restart, scale'],
    ['reload', '', 409, 'the application is still starting'],
  ])('refuse %s %s', async (name, body, status, sentence) => {
    await start({ token: TOKEN, actions });
    expect(await refusal(`/api/actions/${name}`, post(body))).toEqual([status, sentence]);
    expect(done).toEqual([]);
  });

  it('are done with the token, and said to be done', async () => {
    await start({ token: TOKEN, actions });
    const { body } = await ask('/api/actions/restart', post('{"process":"worker 2"}'));
    await ask('/api/actions/scale', post('{"workers":3}'));
    expect([JSON.parse(body), done.splice(0)]).toEqual([{ done: 'worker 2 was restarted' }, ['worker 2', 3]]);
  });

  it('need a source that can act', async () => {
    await start({ token: TOKEN });
    expect((await refusal('/api/actions/reload', post('')))[0]).toBe(501);
  });
});

it.each([
  [{ host: '0.0.0.0' }, 'host 0.0.0.0 can be reached from elsewhere, which needs a token'],
  [{ host: '::' }, 'host :: can be reached from elsewhere, which needs a token'],
  [{ token: 'short' }, 'token must have at least 16 characters, and no spaces'],
  [{ token: 'with spaces in between' }, 'token must have at least 16 characters, and no spaces'],
  [{ allowedHosts: 'dash.example' as never }, 'allowedHosts must be a list of names'],
  [{ source: Promise.resolve() as never }, 'source must have the methods read and watch'],
  [
    { source: undefined, application: Promise.resolve() as never },
    'application must be what startCluster resolves with: await it first',
  ],
  [{ port: 70_000 }, 'port must be from 0 to 65535, but is 70000'],
])('refuses the options %j', async (options, sentence) => {
  await expect(start(options)).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_OPTION_INVALID',
    message: expect.stringContaining(sentence),
  });
});

it('says which port is in use', async () => {
  await start();
  const { port } = new URL(dashboard!.url);
  await expect(startDashboard({ source: host, port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

it('sends each view to those who look, tells them that the source is gone, and stops watching when the last has left', async () => {
  await start();
  const watched: AbortSignal[] = [];
  const { watch } = host;
  host.watch = (signal) => (watched.push(signal), watch.call(host, signal));
  const stream = await fetch(`${dashboard!.url}api/events`);
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  const until = async (text: string): Promise<void> => {
    while (!seen.includes(text)) seen += (await reader.read()).value!;
  };
  await until('"worker 2"');
  host.changeProcess('worker 2', { restarts: 77 });
  await until('"restarts":77');
  host.goAway('shop has ended');
  await until('event: lost\ndata: {"state":"lost","error":"shop has ended"');
  host.comeBack();
  seen = '';
  await until('event: live');
  await reader.cancel();
  await dashboard!.close();
  expect(watched.map(({ aborted }) => aborted)).toContain(true);
});

it('owes a viewer that does not read nothing but the newest view', async () => {
  await start();
  const response = await new Promise<http.IncomingMessage>((resolve) => http.get(`${dashboard!.url}api/events`, resolve));
  response.pause();
  const bulk = 'x'.repeat(100_000);
  for (let i = 0; i < 400; i++) {
    host.happen({ kind: 'crash', subject: `${i}`, pid: undefined, text: bulk });
    host.change(({ events }) => ({ events: events.slice(-1) }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  let bytes = 0;
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    bytes += chunk.length;
    text = (text + chunk).slice(-300_000);
  });
  response.resume();
  while (!text.includes('"subject":"399"')) await new Promise((resolve) => response.once('data', resolve));
  expect(bytes).toBeLessThan(200 * bulk.length); // what the sockets of the system hold, and one view
});
