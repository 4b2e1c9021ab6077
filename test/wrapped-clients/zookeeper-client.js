// A process with `zookeeper-cluster-client`, shared with the other processes of the test. Arguments: address of the ZooKeeper.
'use strict';

const { Buffer } = require('node:buffer');
const zookeeper = require('zookeeper-cluster-client');
const cluster = require('cluster-client');

const shared = (upstreamClass, options) => cluster(upstreamClass, { ...options, singleMode: false });
const client = zookeeper.createClient(process.argv[2], { cluster: shared });
const say = (event, detail = {}) => process.send({ event, ...detail });

client.on('error', (error) => say('error', { message: error.message }));

const actions = {
  make: (path) => client.mkdirp(path),
  create: (path) => client.create(path, Buffer.from('first')),
  set: (path, text) => client.setData(path, Buffer.from(text)).then(({ version }) => typeof version),
  get: (path) => client.getData(path).then(String),
  exists: (path) => client.exists(path).then(Boolean),
  list: (path) => client.getChildren(path).then((names) => names.sort()),
  acl: (path) => client.getACL(path).then(([{ id }]) => id),
  setAcl: async (path) => client.setACL(path, await client.getACL(path)),
  remove: (path) => client.remove(path),
  watch: (path) => void client.watch(path, (error, data) => say('data', { value: error ? error.name : String(data) })),
  watchChildren: (path) => void client.watchChildren(path, (error, names) => say('children', { names: [...names].sort() })),
  // The first example of the documentation of the package lists once, and watches for one change.
  listAndWatch: (path) => client.getChildren(path, () => say('changed')).then((names) => names.sort()),
  session: () => ({ hasId: Buffer.isBuffer(client.getSessionId()), timeout: client.getSessionTimeout() }),
  close: () => client.close().then(() => 'closed'),
};

process.on('message', ({ id, action, args }) => {
  Promise.resolve()
    .then(() => actions[action](...args))
    .then(
      (result) => say('answer', { id, result }),
      ({ name, code, message }) => say('answer', { id, failure: { name, code, message } }),
    );
});
// What the process is to the channel is told by the shared client inside.
client._client.on('role', ({ role, term }) => say('role', { role, term }));
client.ready(() => say('ready', { isLeader: client._client.isClusterClientLeader }));
client.connect();
