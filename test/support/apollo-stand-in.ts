// A stand-in for the configuration service of Apollo, for tests: notifications and configurations, signed where there is a secret.

import { createHmac } from 'node:crypto';
import { StandIn, type StandInAnswer, type StandInRequest } from './stand-in';

export class ApolloStandIn extends StandIn {
  /** By namespace. */
  readonly #released = new Map<string, { id: number; properties: Record<string, string> }>();
  #id = 0;
  secret: string | undefined;

  release(namespace: string, properties: Record<string, string>): void {
    this.#released.set(namespace, { id: ++this.#id, properties });
    this.changed();
  }

  protected async answer(request: StandInRequest): Promise<StandInAnswer> {
    const { what, query, headers } = request;
    if (this.secret !== undefined) {
      const path = `${what.split(' ')[1]}${query.size > 0 ? `?${query.toString()}` : ''}`;
      const signature = createHmac('sha1', this.secret)
        .update(`${headers.timestamp as string}\n${path}`)
        .digest('base64');
      if (headers.authorization !== `Apollo ${query.get('appId') ?? 'shop'}:${signature}`)
        return { status: 401, body: 'signature' };
    }
    if (what === 'GET /notifications/v2') return this.#notify(JSON.parse(query.get('notifications')!) as never);
    if (!what.startsWith('GET /configs/')) return { status: 404, body: 'no such path in this stand-in' };
    const [appId, cluster, namespace = ''] = request.parts('/configs/');
    const released = this.#released.get(namespace);
    if (!released) return { status: 404 };
    const names = { appId, cluster, namespaceName: namespace, releaseKey: String(released.id) };
    return { body: { ...names, configurations: released.properties } };
  }

  async #notify([{ namespaceName, notificationId }]: [
    { namespaceName: string; notificationId: number },
  ]): Promise<StandInAnswer> {
    const newest = (): number => this.#released.get(namespaceName)?.id ?? -1;
    await this.until(() => newest() > notificationId, 60_000);
    if (newest() <= notificationId) return { status: 304 };
    const messages = { details: { [`shop+default+${namespaceName}`]: newest() } };
    return { body: [{ namespaceName, notificationId: newest(), messages }] };
  }
}
