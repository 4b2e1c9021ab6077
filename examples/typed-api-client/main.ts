// Three processes offer the service `orders` and see each other; then one process leaves, and the others notice. With the
// argument `single` one process does everything, without any network: as in a unit test or a small tool.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ClientOptions } from 'trunkline';
import { ServiceRegistry } from './service-registry';

const SERVICE = 'orders';
/** Where the three processes meet. */
const PORT = Number(process.env.NODE_CLUSTER_CLIENT_PORT ?? 7778);

async function main(mode: string | undefined): Promise<void> {
  if (mode === 'single') await runSingle();
  else if (mode === 'child') await runChild();
  else await runThree();
}

async function runSingle(): Promise<void> {
  const registry = await join('single', { singleMode: true });
  registry.offer({ serviceId: SERVICE, address: '10.0.0.1:80' });
  registry.offer({ serviceId: SERVICE, address: '10.0.0.2:80' });
  await providers(registry, 2);
  await registry.close();
}

async function runThree(): Promise<void> {
  const registry = await join('parent', { port: PORT });
  registry.offer({ serviceId: SERVICE, address: `pid-${process.pid}` });
  const children = [fork(__filename, ['child']), fork(__filename, ['child'])] as const;
  await providers(registry, 3);
  console.log(`parent   services: ${(await registry.listServices()).join(', ')}`);

  await leave(children[0]);
  await providers(registry, 2);
  await leave(children[1]);
  await registry.close();
}

/** Offers the address of the child until the parent closes the channel. */
async function runChild(): Promise<void> {
  const registry = await join('child', { port: PORT });
  registry.offer({ serviceId: SERVICE, address: `pid-${process.pid}` });
  registry.getProviders(SERVICE);
  await once(process, 'disconnect');
  await registry.close();
}

async function join(name: string, clusterOptions: ClientOptions): Promise<ServiceRegistry> {
  const registry = new ServiceRegistry({ clusterOptions });
  await registry.ready();
  const role = registry.isClusterClientLeader ? 'leader' : 'follower';
  registry.on('changed', (serviceId: string, addresses: readonly string[]) => {
    console.log(`${name.padEnd(8)} ${role.padEnd(8)} sees ${serviceId}: ${addresses.join(' ') || 'nobody'}`);
  });
  return registry;
}

/** Waits until the cache knows that many. */
async function providers(registry: ServiceRegistry, count: number): Promise<void> {
  while (registry.getProviders(SERVICE).length !== count) await once(registry, 'changed');
}

async function leave(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.disconnect();
  await exited;
}

main(process.argv[2]).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
