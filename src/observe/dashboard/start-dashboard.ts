// `startDashboard(options)`: a web server that shows one host. Here is decided who asks for what; the rooms next to this file
// answer.

import type http from 'node:http';
import { TrunklineError } from '../../errors';
import type { HostView, HostViewSource } from '../../host-view';
import { jsonForm } from '../../json-form';
import { isLoopback, MIN_TOKEN_LENGTH, namesDashboard, permissionOf, type AccessRules } from './access';
import { act, type DashboardActions } from './actions';
import { assetAt } from './assets';
import { beginStream, streamTo } from './event-stream';
import { begin, readJson, Refusal, sendJson, sendRefusal } from './http-answer';
import { startHttpService } from '../http-service';
import { metrics, type Metrics } from '../metrics';
import { LiveView } from './live-view';
import type { WantedValue } from './read-value';

/** What `startCluster` gives; the dashboard needs no more of it. */
export interface ObservedApplication extends DashboardActions {
  view(): Promise<HostView>;
  watch(signal: AbortSignal): AsyncIterable<HostView>;
}

export interface DashboardOptions {
  /** The application of this program, from `startCluster`: it is shown, and with a token it can be acted on. */
  readonly application?: ObservedApplication | undefined;
  /** Where the view of the host comes from, in place of `application`. */
  readonly source?: HostViewSource | undefined;
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
  /** What can be done from the page. Default: what `application` can; without an application the page only shows. */
  readonly actions?: DashboardActions | undefined;
  /**
   * Reads the last value of a key, for the page's value inspector, as `readValue` does. Values may be secrets: without this no value is
   * shown to anybody.
   */
  readonly inspect?: ((wanted: WantedValue) => Promise<unknown>) | undefined;
  /** What `GET /metrics` gives, of `metrics()`. Default: the metrics of what is shown, if prom-client is installed. */
  readonly metrics?: Pick<Metrics, 'text' | 'contentType'> | undefined;
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
  if (!Array.isArray(allowedHosts)) throw invalid('allowedHosts must be a list of names');
  const source = sourceOf(options);
  const rules: AccessRules = { host, token, allowedHosts };
  const live = new LiveView(source);
  const service = {
    options,
    rules,
    live,
    source,
    actions: options.actions ?? options.application,
    metrics: metricsOf(options, source),
  };
  const web = await startHttpService({
    port,
    host,
    maxConnections: MAX_CONNECTIONS,
    onRequest: (request, response) => {
      answer(request, response, service).catch((error: unknown) => sendRefusal(response, error));
    },
  });
  return {
    url: `${web.origin}/`,
    close: () => {
      live.close();
      return web.close();
    },
  };
}

interface Service {
  readonly options: DashboardOptions;
  readonly rules: AccessRules;
  readonly live: LiveView;
  readonly source: HostViewSource;
  readonly actions: DashboardActions | undefined;
  /** @throws Refusal when there are none */
  readonly metrics: () => Pick<Metrics, 'text' | 'contentType'>;
}

async function answer(request: http.IncomingMessage, response: http.ServerResponse, service: Service): Promise<void> {
  const { options, rules, live, source, actions } = service;
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
    if (!actions) throw new Refusal(501, 'this dashboard cannot act: the processes that it shows have no supervisor');
    const done = await act(path.slice('/api/actions/'.length), await readJson(request, MAX_BODY_BYTES), actions);
    sendJson(response, 200, { done });
    return;
  }
  switch (path) {
    case '/api/status':
      assertMethod(request, 'GET');
      sendJson(response, 200, await viewOf(source));
      return;
    case '/api/events':
      assertMethod(request, 'GET');
      if (request.method === 'HEAD') {
        beginStream(response);
        response.end();
        return;
      }
      streamTo(response, live, {
        canAct: actions !== undefined && rules.token !== undefined,
        canInspect: options.inspect !== undefined && rules.token !== undefined,
      });
      return;
    case '/api/value':
      assertMethod(request, 'GET');
      sendJson(response, 200, { value: await valueOf(request.url!, service) });
      return;
    case '/metrics': {
      assertMethod(request, 'GET');
      const { text, contentType } = service.metrics();
      const lines = await text();
      begin(response, 200, contentType);
      response.end(lines);
      return;
    }
    default:
      throw new Refusal(404, `there is nothing at ${path}`);
  }
}

/** @throws TrunklineError */
function sourceOf({ application, source }: DashboardOptions): HostViewSource {
  if ((application === undefined) === (source === undefined)) throw invalid('needs an application or a source, one of the two');
  if (application !== undefined && typeof application.view !== 'function')
    throw invalid('application must be what startCluster resolves with: await it first');
  if (source !== undefined && typeof source.read !== 'function') throw invalid('source must have the methods read and watch');
  return source ?? { read: () => application!.view(), watch: (signal) => application!.watch(signal) };
}

/** @returns gives metrics, which are made when somebody first asks for them */
function metricsOf(options: DashboardOptions, source: HostViewSource): Service['metrics'] {
  let made = options.metrics;
  return () => {
    try {
      made ??= metrics({ source: { read: () => source.read() } });
      return made;
    } catch (error) {
      throw new Refusal(501, (error as Error).message);
    }
  };
}

async function viewOf(source: HostViewSource): Promise<HostView> {
  try {
    return await source.read();
  } catch (error) {
    throw new Refusal(503, (error as Error).message);
  }
}

async function valueOf(url: string, { options: { inspect }, rules, source }: Service): Promise<unknown> {
  if (!inspect)
    throw new Refusal(
      403,
      'values are not shown here: start the dashboard with --values, or with the option inspect of startDashboard',
    );
  if (rules.token === undefined) throw new Refusal(403, 'values need a token: start the dashboard with --token');
  const query = new URL(url, 'http://dashboard').searchParams;
  const [channel, key, port] = [query.get('channel'), query.get('key'), query.get('port')];
  if (channel === null || key === null) throw new Refusal(400, 'a value needs a channel and a key: /api/value?channel=…&key=…');
  if (port !== null && !/^\d{1,5}$/.test(port)) throw new Refusal(400, 'port must be a number');
  const wanted = { channel, key, port: port === null ? undefined : Number(port) };
  // To ask for another key would subscribe it upstream.
  const { channels } = await viewOf(source);
  const isSubscribed = channels.some(
    (each) => each.channel === channel && each.port === wanted.port && each.keys.some((known) => known.key === key),
  );
  if (!isSubscribed) throw new Refusal(404, 'no process subscribes this key');
  try {
    return jsonForm(await inspect(wanted)); // a Map, a BigInt and a cycle are no JSON
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
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw invalid(`port must be from 0 to 65535, but is ${port}`);
  if (token !== undefined && (token.length < MIN_TOKEN_LENGTH || /\s/.test(token)))
    throw invalid(`token must have at least ${MIN_TOKEN_LENGTH} characters, and no spaces`);
  if (token === undefined && !isLoopback(host)) throw invalid(`host ${host} can be reached from elsewhere, which needs a token`);
}

function invalid(message: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `dashboard: ${message}`);
}
