// A process with the ZooKeeper registry of `sofa-rpc-node`, shared with the other processes of the test. Arguments: address of the
// ZooKeeper, port of the service that this process registers.
'use strict';

const { ZookeeperRegistry } = require('sofa-rpc-node').registry;
const cluster = require('cluster-client');

const [address, port] = process.argv.slice(2);
const shared = (upstreamClass, options) => cluster(upstreamClass, { ...options, singleMode: false });
const logger = { info() {}, warn() {}, error() {} };
const registry = new ZookeeperRegistry({ logger, address, cluster: shared });
const say = (event, detail = {}) => process.send({ event, ...detail });
const portOf = (url) => Number(new URL(url.replace(/^bolt/, 'http')).port);

registry.on('error', (error) => say('error', { message: error.message }));
process.on('message', ({ action }) => {
  if (action === 'close') registry.close().then(() => process.disconnect());
});
registry.ready(async () => {
  await registry.register({ interfaceName: 'com.example', url: `bolt://127.0.0.1:${port}?interface=com.example` });
  registry.subscribe({ interfaceName: 'com.example' }, (urls) => say('services', { ports: urls.map(portOf).sort() }));
  say('ready', { isLeader: registry._client.isClusterClientLeader });
});
