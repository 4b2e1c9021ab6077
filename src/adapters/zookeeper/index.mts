// `trunkline/zookeeper` for ES modules: the same instance as for CommonJS.

import '../../require-in-bundle.mjs';

export * from './index.js';
