// Which cases of the suite have no meaning for a store, and why: the tests of the adapters and the table of the documents say the same.

import type { Adapter } from './conformance';

const READ_ONLY = 'files are read only';
const NO_SERVER = 'there is no server';

export const LACKS = {
  etcd: {},
  file: {
    write: READ_ONLY,
    'conditional write': READ_ONLY,
    'too large': READ_ONLY,
    'line cut': NO_SERVER,
    'line silent': NO_SERVER,
    registration: READ_ONLY,
    'owner killed': READ_ONLY,
    expired: READ_ONLY,
  },
  redis: {},
  'redis-strings': {},
  zookeeper: {},
} satisfies Record<string, Adapter['lacks']>;
