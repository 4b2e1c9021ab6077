// Bundlers that write ES modules (esbuild --format=esm) leave the `require` of Node's own modules in the CommonJS code of this
// package unchanged, and put a function in place of `require` that asks the global object when it is called and throws when
// nothing is there. So it is provided there before that code runs. Outside of a bundle this module does nothing: an ES module
// has no `require`.

import { createRequire } from 'node:module';

// Only a real `require` can resolve.
const isStandIn = typeof require === 'function' && typeof require.resolve !== 'function';
// What is asked for are modules of Node.js, which do not depend on the place.
if (isStandIn) Object.defineProperty(globalThis, 'require', { value: createRequire(process.execPath), configurable: true });
