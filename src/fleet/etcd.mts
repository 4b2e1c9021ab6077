// `trunkline/fleet/etcd` for ES modules: the same instance as for CommonJS.

import '../require-in-bundle.mjs';

export * from './etcd.js';
