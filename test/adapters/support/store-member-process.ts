// The test's view of another process that shares a store (fixture store-member.ts).

import type { Service } from '../../../src/adapters/face';
import { Child } from '../../support/child';
import type { StoreMemberSetup } from '../../fixtures/store-member';

export class StoreMember extends Child {
  constructor(setup: StoreMemberSetup) {
    super('store-member', { STORE: JSON.stringify(setup) });
  }

  async ready(): Promise<void> {
    await this.message('ready', ({ type }) => type === 'ready');
  }

  register(service: Service): void {
    this.send({ type: 'register', service });
  }
}
