// A process of a host. The code is what an application writes; the rest tells the main program what happens.

import cluster from 'trunkline';
import { fleet, fleetStatus } from 'trunkline/fleet';
import { redisEngine } from 'trunkline/fleet/redis';
import { RegistryClient } from '../shared-config/registry-client';

const { FLEET_HOST: host = 'host', FLEET_PORT, FLEET_REDIS: url, FLEET_REGISTRY = '' } = process.env;

const FleetClient = fleet(RegistryClient, { engine: redisEngine({ url }), group: 'settings', host });
// On one machine each "host" has a cluster port; on real machines all hosts use the same port.
const client = cluster(FleetClient, { port: Number(FLEET_PORT) }).create({ url: FLEET_REGISTRY });

client.subscribe({ key: 'greeting' }, (setting) => process.send?.({ type: 'value', at: Date.now(), value: setting.value }));
process.on('message', () => process.send?.({ type: 'standing', host, pid: process.pid, standing: fleetStatus()[0] }));
process.once('disconnect', () => process.exit());

client.ready().then(
  () => process.send?.({ type: 'ready' }),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
