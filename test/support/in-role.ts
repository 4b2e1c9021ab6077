// A client in each role, on the port of a test.

import type { ClientOptions } from '../../src/options';

export const ROLES = ['single', 'leader', 'follower'] as const;
export type RoleName = (typeof ROLES)[number];

type Own = Pick<ClientOptions, 'singleMode' | 'isLeader'>;

interface Client {
  ready(): Promise<unknown>;
}

/**
 * Makes a client that will have the role; for a follower there is a leader in the same process before.
 * @param build makes a client with these options besides its others
 * @returns a leader is ready, a client in another role perhaps not yet
 */
export async function createIn<C extends Client>(role: RoleName, build: (own: Own) => C): Promise<C> {
  if (role === 'single') return build({ singleMode: true });
  const leader = build({ isLeader: true });
  await leader.ready();
  return role === 'leader' ? leader : build({ isLeader: false });
}

/** As `createIn`, when the client is ready. */
export async function readyIn<C extends Client>(role: RoleName, build: (own: Own) => C): Promise<C> {
  const client = await createIn(role, build);
  await client.ready();
  return client;
}
