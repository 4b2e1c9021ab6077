// A stand-in for the web server of Disconf, for tests: items and files of one version and environment.

import { StandIn, type StandInAnswer, type StandInRequest } from './stand-in';

export class DisconfStandIn extends StandIn {
  readonly items = new Map<string, string>();
  readonly files = new Map<string, string>();

  protected answer({ what, query }: StandInRequest): StandInAnswer {
    const key = query.get('key') ?? '';
    switch (what) {
      case 'GET /api/zoo/prefix':
        return { body: { status: 1, message: '', value: '/disconf' } };
      case 'GET /api/config/item': {
        const value = this.items.get(key);
        return {
          body: value === undefined ? { status: -1, message: 'no such item', value: '' } : { status: 1, message: '', value },
        };
      }
      case 'GET /api/config/file': {
        const value = this.files.get(key);
        return value === undefined ? { status: 404 } : { body: value };
      }
      default:
        return { status: 404, body: 'no such path in this stand-in' };
    }
  }
}
