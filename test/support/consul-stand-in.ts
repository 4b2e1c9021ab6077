// A stand-in for a Consul agent, for tests: keys, transactions of one operation, services with TTL checks, and blocking queries.

import { StandIn, type StandInAnswer, type StandInRequest } from './stand-in';

interface Service {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly Port: number;
  readonly Meta: Record<string, string>;
  readonly Check: { readonly TTL: string };
}

export class ConsulStandIn extends StandIn {
  readonly keys = new Map<string, { Value: string; ModifyIndex: number }>();
  readonly services = new Map<string, { service: Service; passedAt: number }>();
  token: string | undefined;
  #index = 1;
  #expiry: NodeJS.Timeout | undefined;

  override start(): Promise<this> {
    this.#expiry = setInterval(() => this.#expire(), 50).unref();
    return super.start();
  }

  override stop(): Promise<void> {
    clearInterval(this.#expiry);
    return super.stop();
  }

  set(key: string, value: string): void {
    this.#write(key, Buffer.from(value).toString('base64'));
  }

  remove(key: string): void {
    if (this.keys.delete(key)) this.#next();
  }

  /** As after a restore of the servers from an older snapshot. */
  goBack(): void {
    this.#index = 1;
    for (const value of this.keys.values()) value.ModifyIndex = 1;
    this.changed();
  }

  /** An agent that lost its data does not know its services. */
  forgetServices(): void {
    this.services.clear();
    this.#next();
  }

  protected async answer(request: StandInRequest): Promise<StandInAnswer> {
    const { what, query, headers, body } = request;
    if (this.token !== undefined && headers['x-consul-token'] !== this.token) return { status: 403, body: 'Permission denied' };
    if (what.startsWith('GET /v1/status/')) return { body: '"127.0.0.1:8300"' };
    if (what.startsWith('GET /v1/kv/')) {
      await this.#block(query);
      const key = request.parts('/v1/kv/').join('/');
      const isMeant = (each: string): boolean => (query.has('recurse') ? each.startsWith(key) : each === key);
      const found = [...this.keys].filter(([each]) => isMeant(each)).map(([Key, value]) => ({ Key, Flags: 0, ...value }));
      return { status: found.length > 0 ? 200 : 404, headers: this.#indexHeader, body: found.length > 0 ? found : '' };
    }
    if (what === 'PUT /v1/txn') return this.#transact(JSON.parse(body) as never);
    if (what.startsWith('GET /v1/health/service/')) {
      await this.#block(query);
      const [name] = request.parts('/v1/health/service/');
      const found = [...this.services.values()].filter(({ service }) => service.Name === name);
      return {
        headers: this.#indexHeader,
        body: found.map(({ service }) => ({ Node: { Address: '127.0.0.1' }, Service: service })),
      };
    }
    if (what === 'PUT /v1/agent/service/register') {
      const service = JSON.parse(body) as Service;
      this.services.set(service.ID, { service, passedAt: Date.now() });
      this.#next();
      return {};
    }
    if (what.startsWith('PUT /v1/agent/check/pass/')) {
      const known = this.services.get(request.parts('/v1/agent/check/pass/service:')[0]!);
      if (!known) return { status: 404, body: 'Unknown check ID' };
      known.passedAt = Date.now();
      return {};
    }
    if (what.startsWith('PUT /v1/agent/service/deregister/')) {
      const isKnown = this.services.delete(request.parts('/v1/agent/service/deregister/')[0]!);
      this.#next();
      return isKnown ? {} : { status: 404, body: 'Unknown service ID' };
    }
    return { status: 404, body: 'no such path in this stand-in' };
  }

  get #indexHeader(): Record<string, string> {
    return { 'x-consul-index': String(this.#index) };
  }

  #block(query: URLSearchParams): Promise<void> {
    const index = Number(query.get('index') ?? 0);
    if (index === 0) return Promise.resolve();
    // An index of the future, after a restore, does not wait.
    return this.until(() => this.#index !== index, Number.parseInt(query.get('wait') ?? '300000', 10));
  }

  #transact([operation]: [{ KV: { Verb: string; Key: string; Value?: string; Index?: number } }]): StandInAnswer {
    const { Verb, Key, Value = '', Index } = operation.KV;
    const present = this.keys.get(Key)?.ModifyIndex ?? 0;
    if (Verb.includes('cas') && Index !== present) return { status: 409, body: { Results: null, Errors: [{ OpIndex: 0 }] } };
    if (Verb.startsWith('delete')) {
      this.remove(Key);
      return { body: { Results: null, Errors: null } };
    }
    this.#write(Key, Value);
    return { body: { Results: [{ KV: { Key, ...this.keys.get(Key) } }], Errors: null } };
  }

  #write(key: string, Value: string): void {
    this.keys.set(key, { Value, ModifyIndex: ++this.#index });
    this.changed();
  }

  #next(): void {
    this.#index++;
    this.changed();
  }

  #expire(): void {
    for (const [id, { service, passedAt }] of this.services) {
      if (passedAt + Number.parseInt(service.Check.TTL, 10) < Date.now()) this.services.delete(id);
      else continue;
      this.#next();
    }
  }
}
