// A framework's Agent or Application in this process: created, ready, served, closed. Arguments and calls are the same as in
// egg-cluster 2.x and @eggjs/cluster 3.x.

import { type EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import type http from 'node:http';
import type https from 'node:https';
import type net from 'node:net';
import { TrunklineError } from '../../errors';
import type { Address } from '../messaging/messages';
import { loadFramework } from './load-module';

interface HttpsFiles {
  readonly key?: string;
  readonly cert?: string;
  readonly ca?: string;
}

interface Listen {
  readonly port?: number | undefined;
  readonly hostname?: string;
  readonly path?: string;
  readonly reusePort?: boolean | undefined;
}

/** What a framework's object has. */
interface FrameworkObject extends EventEmitter {
  ready(callback: (error?: unknown) => void): unknown;
  close?(): unknown;
  /** Application only. */
  callback(): http.RequestListener;
  readonly config?: { readonly cluster?: { readonly listen?: Listen; readonly https?: HttpsFiles } };
}

type FrameworkClass = new (options: Record<string, unknown>) => FrameworkObject;

/** The process around the framework. */
export interface Host {
  readonly kind: 'agent' | 'worker';
  /** The folder of the application. */
  readonly baseDir: string;
  onStop(callback: () => unknown): void;
}

/**
 * Creates the object and resolves when ready; an application then listens.
 * @param path the folder of the framework
 * @returns the listening address; undefined for an agent
 */
export async function runFramework(
  path: string,
  given: Readonly<Record<string, unknown>>,
  host: Host,
): Promise<Address | undefined> {
  const options = { ...given };
  const Class = await classOf(path, host);
  const object = new Class(options);
  host.onStop(() => object.close?.());
  if (host.kind === 'agent') {
    await whenReady(object);
    return undefined;
  }
  const plan = planOf(object, options);
  await whenReady(object);
  return serve(object, plan);
}

async function classOf(path: string, { kind, baseDir }: Host): Promise<FrameworkClass> {
  const name = kind === 'agent' ? 'Agent' : 'Application';
  const framework = await loadFramework(path, baseDir);
  // The exports of CommonJS that the engine cannot foresee are in `default` only.
  const Class = framework[name] ?? (framework.default as Record<string, unknown> | undefined)?.[name];
  if (typeof Class === 'function') return Class as FrameworkClass;
  throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `the framework ${path} does not export the class ${name}`, {
    option: 'framework',
  });
}

function whenReady(object: FrameworkObject): Promise<void> {
  return new Promise((resolve, reject) => {
    const onTimeout = (): void => reject(new Error('the framework says startTimeout: a part of it was not ready in time'));
    object.once('error', reject);
    object.once('startTimeout', onTimeout);
    object.ready((error) => {
      object.removeListener('error', reject);
      object.removeListener('startTimeout', onTimeout);
      if (error) reject(error);
      else resolve();
    });
  });
}

interface Plan {
  readonly tls: HttpsFiles;
  readonly listen: Listen;
  readonly debugPort: number | undefined;
}

function planOf({ config }: FrameworkObject, options: Record<string, unknown>): Plan {
  const configured = config?.cluster?.listen ?? {};
  const tls = { ...config?.cluster?.https, ...(options.https as HttpsFiles | undefined) };
  const port = (options.port ??= configured.port) as number | undefined;
  const reusePort = (options.reusePort ||= configured.reusePort) as boolean | undefined;
  const { stickyWorkerPort } = options as { stickyWorkerPort?: number };
  return {
    tls,
    listen:
      stickyWorkerPort === undefined ? { ...configured, port, reusePort } : { port: stickyWorkerPort, hostname: '127.0.0.1' },
    debugPort: options.debugPort as number | undefined,
  };
}

async function serve(application: FrameworkObject, { tls, listen, debugPort }: Plan): Promise<Address> {
  const onRequest = application.callback();
  // Loaded where they are needed: TLS alone costs milliseconds, and every child would load it.
  const { createServer } = process.getBuiltinModule('node:http');
  const server =
    tls.key && tls.cert ? process.getBuiltinModule('node:https').createServer(read(tls), onRequest) : createServer(onRequest);
  application.emit('server', server);
  if (listen.path) await listening(server, { path: listen.path });
  else if (typeof listen.port !== 'number')
    throw new Error(`the port of the application must be a number, but is ${String(listen.port)}`);
  else
    await listening(server, {
      port: listen.port,
      host: listen.hostname || undefined,
      ...(listen.reusePort && { reusePort: true }),
    });
  if (debugPort !== undefined) await listening(createServer(onRequest), { port: debugPort });
  return server.address() ?? { address: listen.hostname ?? '', port: listen.port! };
}

function read({ key, cert, ca }: HttpsFiles): https.ServerOptions {
  return { key: readFileSync(key!), cert: readFileSync(cert!), ...(ca !== undefined && { ca: readFileSync(ca) }) };
}

function listening(server: net.Server, options: net.ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
