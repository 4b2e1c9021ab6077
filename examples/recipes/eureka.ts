// Eureka: services and their instances; there are no configurations. The whole list of a service is asked for, not a delta. See
// docs/recipes.md.

import type { Watched } from 'trunkline/file';
import { HttpStore, type HttpStoreOptions, type Instance, type Request, type Seen } from './http-store';

export interface EurekaOptions extends HttpStoreOptions {
  /** Where the servlet is. Default: `/eureka`. */
  readonly path?: string;
  /** An instance whose heartbeats are missing for so long is dropped, s. Default: 90. */
  readonly leaseSeconds?: number;
}

interface EurekaInstance {
  readonly instanceId?: string;
  readonly hostName: string;
  readonly ipAddr: string;
  readonly status: string;
  readonly port: { readonly $: number | string };
  readonly metadata?: Record<string, string>;
}

const JSON_HEADERS = { accept: 'application/json', 'content-type': 'application/json' };

export class EurekaStore extends HttpStore {
  readonly #path: string;
  readonly #leaseSeconds: number;

  constructor(options: EurekaOptions) {
    super({ pollMs: 30_000, beatMs: 30_000, ...options });
    this.#path = options.path ?? '/eureka';
    this.#leaseSeconds = options.leaseSeconds ?? 90;
  }

  override ready(): Promise<unknown> {
    return this.#ask('/apps/TRUNKLINE', { accepts: [200, 404] });
  }

  protected override async _look(what: Watched, _mark: string | undefined, signal: AbortSignal): Promise<Seen> {
    const service = this.serviceOf(what);
    if (service === undefined) throw this.lacks('has services and no configurations: use registry of this store');
    const { status, text } = await this.#ask(appPath(service), { accepts: [200, 404], signal });
    if (status === 404) return { state: this.stateOf(what, []) };
    // A single instance is an object with some servers, and a list with others.
    const { application } = JSON.parse(text) as { application: { instance?: EurekaInstance | EurekaInstance[] } };
    const instances = [application.instance ?? []].flat().filter((instance) => instance.status === 'UP');
    return {
      state: this.stateOf(
        what,
        instances.map((instance) => instanceOf(service, instance)),
      ),
    };
  }

  /** The status is that of the metadata, so an instance may begin as STARTING or OUT_OF_SERVICE: `update()` of its handle changes it. */
  protected override async _register({ name, id, address, port, metadata }: Instance): Promise<void> {
    const instance = {
      instanceId: id,
      app: name.toUpperCase(),
      hostName: address,
      ipAddr: address,
      vipAddress: name,
      status: metadata?.status ?? 'UP',
      port: { $: port, '@enabled': 'true' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      leaseInfo: { renewalIntervalInSecs: Math.ceil(this.#leaseSeconds / 3), durationInSecs: this.#leaseSeconds },
      metadata: metadata ?? {},
    };
    await this.#ask(appPath(name), { method: 'POST', body: JSON.stringify({ instance }), accepts: [200, 204] });
  }

  protected override async _keepAlive(instance: Instance): Promise<void> {
    const { status } = await this.#ask(instancePath(instance), { method: 'PUT', accepts: [200, 404] });
    if (status === 404) await this._register(instance);
  }

  protected override async _deregister(instance: Instance): Promise<void> {
    await this.#ask(instancePath(instance), { method: 'DELETE', accepts: [200, 404] });
  }

  #ask(path: string, request: Request = {}): ReturnType<HttpStore['_request']> {
    return this._request(this.#path + path, { ...request, headers: JSON_HEADERS });
  }
}

function appPath(name: string): string {
  return `/apps/${encodeURIComponent(name.toUpperCase())}`;
}

function instancePath({ name, id }: Instance): string {
  return `${appPath(name)}/${encodeURIComponent(id)}`;
}

function instanceOf(name: string, { instanceId, hostName, ipAddr, port, metadata = {} }: EurekaInstance): Instance {
  // The converter of the server for Java writes the member `@class` into metadata that is empty.
  const rest = Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== '@class'));
  return { name, id: instanceId ?? `${hostName}:${port.$}`, address: hostName || ipAddr, port: Number(port.$), metadata: rest };
}
