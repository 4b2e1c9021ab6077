// A stand-in for a Nacos server, for tests: as much of the HTTP interface of Nacos 1.x as its clients use for configurations and
// instances of services. The stand-in was written from the documentation and from what clients send, and is not Nacos: no test
// with the stand-in shows how a real server behaves.

import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

/** How long Nacos holds a long poll, ms, unless a client asks for less. */
const POLL_MS = 29_500;

export interface StandInInstance {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly healthy: boolean;
  readonly enabled: boolean;
  readonly ephemeral: boolean;
  readonly clusterName: string;
  readonly metadata: unknown;
}

interface Listened {
  readonly dataId: string;
  readonly group: string;
  readonly digest: string;
  readonly namespace: string;
}

interface Poll {
  readonly listened: readonly Listened[];
  readonly end: () => void;
}

/** A UDP socket of a client that wants to hear of a service. */
interface Pushed {
  readonly clusters: string;
  readonly udpPort: number;
}

interface Service {
  readonly instances: Map<string, { instance: StandInInstance; beatAt: number }>;
  /** By UDP port. */
  readonly pushed: Map<number, Pushed>;
  changedAt: number;
}

export interface NacosStandInOptions {
  /** An ephemeral instance without a heartbeat for so long is gone. Default 30_000, as in Nacos. */
  readonly lifetimeMs?: number;
  /** How often clients are asked to send a heartbeat. Default 5_000, as in Nacos. */
  readonly beatMs?: number;
  /** Where to listen. Default: any free port. */
  readonly port?: number;
}

export class NacosStandIn {
  readonly #server: http.Server;
  readonly #udp = dgram.createSocket('udp4').unref();
  readonly #options: Required<NacosStandInOptions>;
  /** By namespace, group and dataId. */
  readonly #contents = new Map<string, string>();
  readonly #services = new Map<string, Service>();
  readonly #polls = new Set<Poll>();
  readonly #expiry: NodeJS.Timeout;
  /** Method and path of every request, heartbeats and polls among them. */
  readonly requests: string[] = [];

  private constructor(options: NacosStandInOptions) {
    this.#options = { lifetimeMs: 30_000, beatMs: 5_000, port: 0, ...options };
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#expiry = setInterval(() => this.#expire(), Math.min(100, this.#options.lifetimeMs)).unref();
  }

  static async start(options: NacosStandInOptions = {}): Promise<NacosStandIn> {
    const standIn = new NacosStandIn(options);
    standIn.#server.listen(standIn.#options.port, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many long polls are under way, of each namespace: one for each client that listens. */
  polls(namespace: string): number {
    return [...this.#polls].filter(({ listened }) => listened.some((each) => each.namespace === namespace)).length;
  }

  content(dataId: string, { group = 'DEFAULT_GROUP', namespace = '' } = {}): string | undefined {
    return this.#contents.get(keyOf(namespace, group, dataId));
  }

  /** @param content undefined removes the configuration */
  change(dataId: string, content: string | undefined, { group = 'DEFAULT_GROUP', namespace = '' } = {}): void {
    const key = keyOf(namespace, group, dataId);
    if (content === undefined) this.#contents.delete(key);
    else this.#contents.set(key, content);
    for (const poll of [...this.#polls]) if (this.#changed(poll.listened).length > 0) poll.end();
  }

  /** Answers every long poll now, as when the time of the poll is over. */
  endPolls(): void {
    for (const poll of [...this.#polls]) poll.end();
  }

  /** Addresses of the instances of a service, sorted. @param name as clients say it: group, `@@`, service */
  instances(name: string, namespace = 'public'): string[] {
    return [...(this.#services.get(keyOf(namespace, name))?.instances.keys() ?? [])].sort();
  }

  /** The instances of a service. */
  list(name: string, namespace = 'public'): StandInInstance[] {
    return [...(this.#services.get(keyOf(namespace, name))?.instances.values() ?? [])].map(({ instance }) => instance);
  }

  /** Loses every instance, as a server that was restarted. */
  forget(): void {
    for (const { instances } of this.#services.values()) instances.clear();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    clearInterval(this.#expiry);
    this.endPolls();
    this.#server.close();
    this.#server.closeAllConnections();
    this.#udp.close();
    await once(this.#server, 'close');
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    this.requests.push(`${request.method} ${pathname}`);
    const form = new URLSearchParams(await text(request).catch(() => ''));
    const given = (name: string): string => searchParams.get(name) ?? form.get(name) ?? '';
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    switch (`${request.method} ${pathname}`) {
      case 'GET /nacos/v1/cs/configs': {
        const content = this.content(given('dataId'), { group: given('group'), namespace: given('tenant') });
        return content === undefined ? answer(404, 'config data not exist') : answer(200, content);
      }
      case 'POST /nacos/v1/cs/configs':
        this.change(given('dataId'), given('content'), { group: given('group'), namespace: given('tenant') });
        return answer(200, 'true');
      case 'DELETE /nacos/v1/cs/configs':
        this.change(given('dataId'), undefined, { group: given('group'), namespace: given('tenant') });
        return answer(200, 'true');
      case 'POST /nacos/v1/cs/configs/listener':
        return this.#poll(given('Listening-Configs'), Number(request.headers['long-pulling-timeout'] ?? POLL_MS), response);
      case 'POST /nacos/v1/ns/instance':
        this.#register(given('namespaceId'), given('serviceName'), {
          ip: given('ip'),
          port: Number(given('port')),
          weight: Number(given('weight') || 1),
          healthy: given('healthy') !== 'false',
          enabled: (given('enabled') || given('enable')) !== 'false',
          ephemeral: given('ephemeral') !== 'false',
          clusterName: given('clusterName') || 'DEFAULT',
          metadata: JSON.parse(given('metadata') || '{}'),
        });
        return answer(200, 'ok');
      case 'DELETE /nacos/v1/ns/instance':
        this.#remove(given('namespaceId'), given('serviceName'), `${given('ip')}:${given('port')}`);
        return answer(200, 'ok');
      case 'PUT /nacos/v1/ns/instance/beat':
        return answer(200, this.#beat(given('namespaceId'), given('serviceName'), given('beat')));
      case 'GET /nacos/v1/ns/instance/list':
        return answer(200, this.#list(given('namespaceId'), given('serviceName'), given('clusters'), Number(given('udpPort'))));
      case 'GET /nacos/v1/ns/operator/metrics':
        return answer(200, { status: 'UP' });
      default:
        return answer(404, 'no such path in this stand-in');
    }
  }

  #poll(listening: string, timeoutMs: number, response: http.ServerResponse): void {
    const entries = listening.split('\x01').filter(Boolean);
    const listened = entries.map((entry) => {
      const [dataId = '', group = '', digest = '', namespace = ''] = entry.split('\x02');
      return { dataId, group, digest, namespace };
    });
    const end = (): void => {
      clearTimeout(timer);
      this.#polls.delete(poll);
      if (response.writable) response.end(this.#changed(listened).map(changedLine).join(''));
    };
    const timer = setTimeout(end, timeoutMs);
    const poll = { listened, end };
    this.#polls.add(poll);
    response.once('close', end);
    if (this.#changed(listened).length > 0) end();
  }

  #changed(listened: readonly Listened[]): Listened[] {
    return listened.filter(
      ({ dataId, group, digest, namespace }) => digestOf(this.content(dataId, { group, namespace })) !== digest,
    );
  }

  #service(namespace: string, name: string): Service {
    const key = keyOf(namespace, name);
    const service = this.#services.get(key) ?? { instances: new Map(), pushed: new Map(), changedAt: Date.now() };
    this.#services.set(key, service);
    return service;
  }

  #register(namespace: string, name: string, instance: StandInInstance): void {
    const { instances } = this.#service(namespace, name);
    instances.set(`${instance.ip}:${instance.port}`, { instance, beatAt: Date.now() });
    this.#push(namespace, name);
  }

  #remove(namespace: string, name: string, address: string): void {
    if (this.#service(namespace, name).instances.delete(address)) this.#push(namespace, name);
  }

  /** A heartbeat for an instance that is not known registers the instance, as in Nacos. */
  #beat(namespace: string, name: string, beat: string): object {
    const { cluster, ...told } = JSON.parse(beat) as Pick<StandInInstance, 'ip' | 'port' | 'weight' | 'metadata'> & {
      cluster: string;
    };
    const known = this.#service(namespace, name).instances.get(`${told.ip}:${told.port}`);
    if (known) known.beatAt = Date.now();
    else this.#register(namespace, name, { ...told, clusterName: cluster, healthy: true, enabled: true, ephemeral: true });
    return { clientBeatInterval: this.#options.beatMs, code: 10200, lightBeatEnabled: false };
  }

  #expire(): void {
    const end = Date.now() - this.#options.lifetimeMs;
    for (const [key, { instances }] of this.#services) {
      for (const [address, { instance, beatAt }] of instances) {
        const [namespace = '', name = ''] = key.split('\n');
        if (instance.ephemeral && beatAt < end) this.#remove(namespace, name, address);
      }
    }
  }

  #list(namespace: string, name: string, clusters: string, udpPort = 0): object {
    const service = this.#service(namespace, name);
    if (udpPort > 0) service.pushed.set(udpPort, { clusters, udpPort });
    const hosts = [...service.instances.values()].map(({ instance }) => instance);
    return { name, clusters, hosts, cacheMillis: 10_000, lastRefTime: service.changedAt, checksum: '', valid: true };
  }

  #push(namespace: string, name: string): void {
    const service = this.#service(namespace, name);
    service.changedAt = Math.max(service.changedAt + 1, Date.now());
    for (const { clusters, udpPort } of service.pushed.values()) {
      const data = JSON.stringify(this.#list(namespace, name, clusters));
      this.#udp.send(gzipSync(JSON.stringify({ type: 'dom', data, lastRefTime: service.changedAt })), udpPort, '127.0.0.1');
    }
  }
}

function keyOf(...parts: string[]): string {
  return parts.join('\n');
}

/** What clients and server compare; nothing for a configuration that does not exist. */
function digestOf(content: string | undefined): string {
  return content === undefined ? '' : createHash('md5').update(content).digest('hex');
}

function changedLine({ dataId, group, namespace }: Listened): string {
  return encodeURIComponent([dataId, group, ...(namespace ? [namespace] : [])].join('\x02') + '\x01');
}
