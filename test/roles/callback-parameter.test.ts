import { runInThisContext } from 'node:vm';
import { callbackIndex } from '../../src/roles/callback-parameter';

const methods = {
  none() {},
  id(_id: number) {},
  optional(_id: number, _options?: object) {},
  rest(..._args: unknown[]) {},
};

// Not compiled by TypeScript, as users may write it.
const written = runInThisContext(`({
  cb(id, cb) {}, callback(callback) {}, done(a, b, done) {}, upper(a, CALLBACK) {},
  defaults(a = { x: [1, 2], y: (1, 2) }, callback) {}, destructured({ a, b }, [c], cb) {},
  commented(a /* , callback */, options /* callback */) {}, callbackFirst(callback, options) {},
  notQuite(callbacks) {}, oldStyle: function (a, callback) {}, arrow: (a, cb) => {},
  [\`computed\`](a, callback) {}, withDefault(id, callback = () => {}) {}, quoted(u = 'http://x, y', callback) {},
})`) as Record<string, (...args: never[]) => unknown>;

it.each([
  ['cb', 1],
  ['callback', 0],
  ['done', 2],
  ['upper', 1],
  ['defaults', 1],
  ['destructured', 2],
  ['oldStyle', 1],
  ['arrow', 1],
  ['computed', 1],
  ['withDefault', 1],
  ['quoted', 1],
  ['commented', undefined],
  ['callbackFirst', undefined],
  ['notQuite', undefined],
] as const)('%s: %p', (name, index) => {
  expect(callbackIndex(written[name]!)).toBe(index);
});

it.each(Object.entries(methods))('%s takes no callback', (_, method) => {
  expect(callbackIndex(method)).toBeUndefined();
});

it('a native function or a mock takes none', () => {
  expect(callbackIndex(Math.max)).toBeUndefined();
  expect(callbackIndex(jest.fn())).toBeUndefined();
});
