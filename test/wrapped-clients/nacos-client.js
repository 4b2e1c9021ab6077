// A process with the clients of `nacos`, shared with the other processes of the test. Arguments: address of the server, folder for
// the snapshots of the configuration clients, place of the process (`agent` or `worker` of an egg application, or `free`), and a
// namespace for each configuration client.
'use strict';

const { NacosConfigClient, NacosNamingClient } = require('nacos');
const cluster = require('cluster-client');

const [serverAddr, cacheDir, place, ...namespaces] = process.argv.slice(2);
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const say = (event, detail = {}) => process.send({ event, ...detail });

// What egg gives to applications as `app.cluster` and `agent.cluster`.
const roles = { agent: true, worker: false };
const inEgg = (upstreamClass, options) => cluster(upstreamClass, { ...options, isLeader: roles[place] });
const shared = place in roles ? inEgg : cluster;

// The naming client has calls only. What is published outlives the process that holds the connection.
class Naming extends NacosNamingClient {
  publish({ serviceName, ...instance }) {
    return this.registerInstance(serviceName, instance);
  }

  unPublish({ serviceName, ...instance }) {
    return this.deregisterInstance(serviceName, instance);
  }
}

const configs = namespaces.map((namespace) => new NacosConfigClient({ serverAddr, namespace, cacheDir, cluster: shared }));
const naming = shared(Naming).create({ logger, serverList: serverAddr, namespace: 'public' });
for (const [index, config] of configs.entries()) {
  config.on('error', (error) => say('error', { namespace: namespaces[index], message: error.message }));
}
naming.on('error', (error) => say('error', { message: error.message }));
const of = (namespace) => configs[namespaces.indexOf(namespace)];

const actions = {
  subscribe: (namespace, dataId) =>
    void of(namespace).subscribe({ dataId, group: 'DEFAULT_GROUP' }, (value) => say(`config ${namespace}`, { value })),
  get: (namespace, dataId) => of(namespace).getConfig(dataId, 'DEFAULT_GROUP'),
  publish: (namespace, dataId, value) => of(namespace).publishSingle(dataId, 'DEFAULT_GROUP', value),
  remove: (namespace, dataId) => of(namespace).remove(dataId, 'DEFAULT_GROUP'),
  register: (name, port) => naming.registerInstance(name, { ip: '127.0.0.1', port }),
  announce: (serviceName, port) => void naming.publish({ serviceName, ip: '127.0.0.1', port }),
  deregister: (name, port) => naming.deregisterInstance(name, { ip: '127.0.0.1', port }),
  instances: (name) => naming.getAllInstances(name).then((hosts) => hosts.map(({ port }) => port).sort()),
  watch: (name) => void naming.subscribe(name, (hosts) => say('services', { ports: hosts.map(({ port }) => port).sort() })),
  status: () => naming.getServerStatus(),
};

process.on('message', ({ id, action, args }) => {
  if (action === 'close') {
    void Promise.all([...configs, naming].map((client) => client.close())).then(() => process.disconnect());
    return;
  }
  Promise.resolve()
    .then(() => actions[action](...args))
    .then(
      (result) => say('answer', { id, result }),
      ({ name, code, message }) => say('answer', { id, failure: { name, code, message } }),
    );
});
// What the process is to the channel is told by the shared client inside.
configs[0]._client.on('role', ({ role, term }) => say('role', { role, term }));
Promise.all([...configs, naming].map((client) => client.ready())).then(
  () => say('ready', { isLeader: configs[0].isClusterClientLeader }),
  ({ message }) => say('failed', { message }),
);
