// `startDashboard(options)`: a web server that shows one host. Here is decided who asks for what; the rooms next to this file
// answer.

import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { TrunklineError } from '../../errors';
import type { HostViewSource } from '../../host-view';
import { isLoopback, MIN_TOKEN_LENGTH, namesDashboard, permissionOf, type AccessRules } from './access';
import { act, type DashboardActions } from './actions';
import { assetAt } from './assets';
import { streamTo } from './event-stream';
import { begin, readJson, Refusal, sendJson, sendRefusal } from './http-answer';
import { LiveView } from './live-view';

export interface DashboardOptions {
  /** Where the view of the host comes from. */
  readonly source: HostViewSource;
  /** The port to listen on; 0 takes a free port. Default 7780. */
  readonly port?: number | undefined;
  /** The address to listen on. Another address than a loopback one needs a token. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /**
   * A secret of at least 16 characters. With a token every request needs it, as `Authorization: Bearer …`; without one everybody
   * on this host may look, and nobody may act.
   */
  readonly token?: string | undefined;
  /** Names besides `localhost` and addresses under which browsers may ask, such as the name of a proxy. Default none. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** What can be done from the page. Without this the page only shows. */
  readonly actions?: DashboardActions | undefined;
  /** Reads the last value of a key, for the page's value inspector. Without this values are not shown to anybody. */
  readonly inspect?: ((wanted: WantedValue) => Promise<unknown>) | undefined;
  /** The text of `GET /metrics`, in the format of Prometheus. */
  readonly metrics?: (() => Promise<string>) | undefined;
}

/** The key of a channel whose value somebody wants to see. */
export interface WantedValue {
  readonly channel: string;
  readonly port: number | undefined;
  readonly key: string;
}

export interface Dashboard {
  /** For a browser, such as `http://127.0.0.1:7780/`. Without the token. */
  readonly url: string;
  /** Stops listening and ends all connections. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_PORT = 7780;
/** More than all screens and scrapers of a host need. */
const MAX_CONNECTIONS = 256;
const MAX_BODY_BYTES = 4 * 1024;

/**
 * Resolves when the dashboard listens.
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID; the error of Node.js when the port cannot be bound
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { port = DEFAULT_PORT, host = '127.0.0.1', token, allowedHosts = [] } = options;
  check(port, host, token);
  const rules: AccessRules = { host, token, allowedHosts };
  const live = new LiveView(options.source);
  const server = http.createServer((request, response) => {
    response.on('error', () => undefined); // the other side has gone away
    answer(request, response, { options, rules, live }).catch((error: unknown) => sendRefusal(response, error));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await new Promise<void>((resolve, reject) => server.once('listening', resolve).once('error', reject));
  server.on('error', () => undefined); // a connection that cannot be accepted, because no descriptor is left
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`,
    close: () => {
      server.close();
      live.close();
      server.closeAllConnections();
      return closed;
    },
  };
}

interface Service {
  readonly options: DashboardOptions;
  readonly rules: AccessRules;
  readonly live: LiveView;
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse, service: Service): Promise<void> {
  const { options, rules, live } = service;
  if (!namesDashboard(request.headers.host, rules))
    throw new Refusal(421, `this dashboard is not known as ${JSON.stringify(request.headers.host)}; see allowedHosts`);
  const path = pathOf(request.url);
  const asset = assetAt(path);
  if (asset) {
    assertMethod(request, 'GET');
    begin(response, 200, asset.type, { 'cache-control': 'no-cache' });
    response.end(request.method === 'HEAD' ? undefined : asset.bytes);
    return;
  }
  if (path === '/healthz') {
    assertMethod(request, 'GET');
    sendJson(response, 200, { ok: true });
    return;
  }
  const isAction = path.startsWith('/api/actions/');
  if (isAction) assertMethod(request, 'POST');
  assertPermitted(request, rules, isAction);
  if (isAction) {
    if (!options.actions) throw new Refusal(501, 'this dashboard cannot act: the processes that it shows have no supervisor');
    const done = await act(path.slice('/api/actions/'.length), await readJson(request, MAX_BODY_BYTES), options.actions);
    sendJson(response, 200, { done });
    return;
  }
  switch (path) {
    case '/api/status':
      assertMethod(request, 'GET');
      sendJson(response, 200, await viewOf(options.source));
      return;
    case '/api/events':
      assertMethod(request, 'GET');
      streamTo(response, live, {
        canAct: options.actions !== undefined && rules.token !== undefined,
        canInspect: options.inspect !== undefined,
      });
      return;
    case '/api/value':
      assertMethod(request, 'GET');
      sendJson(response, 200, { value: await valueOf(request.url!, options) });
      return;
    case '/metrics': {
      assertMethod(request, 'GET');
      if (!options.metrics) throw new Refusal(501, 'metrics are not switched on here: install prom-client next to trunkline');
      const text = await options.metrics();
      begin(response, 200, 'text/plain; version=0.0.4; charset=utf-8');
      response.end(text);
      return;
    }
    default:
      throw new Refusal(404, `there is nothing at ${path}`);
  }
}

async function viewOf(source: HostViewSource): Promise<object> {
  try {
    return await source.read();
  } catch (error) {
    throw new Refusal(503, (error as Error).message);
  }
}

async function valueOf(url: string, { inspect }: DashboardOptions): Promise<unknown> {
  if (!inspect) throw new Refusal(403, 'values are not shown here: start the dashboard with --values');
  const query = new URL(url, 'http://dashboard').searchParams;
  const [channel, key, port] = [query.get('channel'), query.get('key'), query.get('port')];
  if (channel === null || key === null) throw new Refusal(400, 'a value needs a channel and a key: /api/value?channel=…&key=…');
  if (port !== null && !/^\d{1,5}$/.test(port)) throw new Refusal(400, 'port must be a number');
  try {
    return await inspect({ channel, key, port: port === null ? undefined : Number(port) });
  } catch (error) {
    throw new Refusal(409, (error as Error).message);
  }
}

/** @throws Refusal */
function pathOf(url: string | undefined): string {
  try {
    return decodeURIComponent(new URL(url ?? '/', 'http://dashboard').pathname);
  } catch {
    throw new Refusal(400, 'the address cannot be read');
  }
}

/** @throws Refusal */
function assertMethod({ method }: http.IncomingMessage, allowed: 'GET' | 'POST'): void {
  if (method === allowed || (allowed === 'GET' && method === 'HEAD')) return;
  throw new Refusal(405, `this answers only ${allowed}`, { allow: allowed === 'GET' ? 'GET, HEAD' : allowed });
}

/** @throws Refusal */
function assertPermitted({ headers }: http.IncomingMessage, { token }: AccessRules, isAction: boolean): void {
  if (token === undefined) {
    if (isAction) throw new Refusal(403, 'actions need a token: start the dashboard with --token');
    return;
  }
  const permission = permissionOf(headers.authorization, token);
  if (permission === 'granted') return;
  const error = permission === 'no token' ? 'this needs the token: Authorization: Bearer …' : 'the token is wrong';
  throw new Refusal(401, error, { 'www-authenticate': 'Bearer realm="trunkline"' });
}

/** @throws TrunklineError */
function check(port: number, host: string, token: string | undefined): void {
  const invalid = (message: string): TrunklineError =>
    new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `dashboard: ${message}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalid(`port must be from 0 to 65535, but is ${port}`);
  if (token !== undefined && (token.length < MIN_TOKEN_LENGTH || /\s/.test(token)))
    throw invalid(`token must have at least ${MIN_TOKEN_LENGTH} characters, and no spaces`);
  if (token === undefined && !isLoopback(host)) throw invalid(`host ${host} can be reached from elsewhere, which needs a token`);
}
