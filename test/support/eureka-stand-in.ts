// A stand-in for a Eureka server, for tests: instances with leases, and lists of an application.

import { StandIn, type StandInAnswer, type StandInRequest } from './stand-in';

interface Instance {
  readonly instanceId: string;
  status: string;
  readonly leaseInfo: { readonly durationInSecs: number };
}

export class EurekaStandIn extends StandIn {
  /** By application and id. */
  readonly instances = new Map<string, { readonly app: string; readonly instance: Instance; renewedAt: number }>();

  protected answer(request: StandInRequest): StandInAnswer {
    this.#expire();
    const [app = '', id] = request.parts('/eureka/apps/');
    const name = `${app}/${id}`;
    switch (request.what.split(' ')[0]) {
      case 'POST': {
        const { instance } = JSON.parse(request.body) as { instance: Instance };
        this.instances.set(`${app}/${instance.instanceId}`, { app, instance, renewedAt: Date.now() });
        return { status: 204 };
      }
      case 'PUT': {
        const known = this.instances.get(name);
        if (known) known.renewedAt = Date.now();
        return { status: known ? 200 : 404 };
      }
      case 'DELETE':
        return { status: this.instances.delete(name) ? 200 : 404 };
      default: {
        const found = [...this.instances.values()].filter((each) => each.app === app).map(({ instance }) => instance);
        if (found.length === 0) return { status: 404 };
        // A single instance is no list, as with the older converter of the server.
        return { body: { application: { name: app, instance: found.length === 1 ? found[0] : found } } };
      }
    }
  }

  #expire(): void {
    for (const [name, { instance, renewedAt }] of this.instances) {
      if (renewedAt + instance.leaseInfo.durationInSecs * 1_000 < Date.now()) this.instances.delete(name);
    }
  }
}
