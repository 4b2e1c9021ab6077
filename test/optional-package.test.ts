// Packages that only one feature needs, and that may be missing.

import { optionalPackage } from '../src/optional-package';

const missing = (name: string) => (): never => {
  throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- /app.js`), { code: 'MODULE_NOT_FOUND' });
};

test('a package that is there is given', () => {
  expect(optionalPackage('semver', 'sort()', () => 'the package')).toBe('the package');
});

test('a package that is missing is named, with the feature and how to install the package', () => {
  const load = (): unknown => optionalPackage('prom-client', 'metrics()', missing('prom-client'));
  expect(load).toThrow('metrics() needs the package prom-client, which is not installed; npm install prom-client');
  expect(load).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_PACKAGE_MISSING', package: 'prom-client' }) as Error);
});

test('a package that misses one of its own packages says so itself', () => {
  expect(() => optionalPackage('prom-client', 'metrics()', missing('tdigest'))).toThrow("Cannot find module 'tdigest'");
});
