import { runInThisContext } from 'node:vm';
import { callbackIndex, isCallbackUnclear } from '../../src/roles/callback-parameter';

const methods = {
  none() {},
  id(_id: number) {},
  optional(_id: number, _options?: object) {},
  rest(..._args: unknown[]) {},
};

// Not compiled by TypeScript, in the form that users may write.
const written = runInThisContext(`({
  cb(id, cb) {}, callback(callback) {}, done(a, b, done) {}, upper(a, CALLBACK) {},
  defaults(a = { x: [1, 2], y: (1, 2) }, callback) {}, destructured({ a, b }, [c], cb) {},
  commented(a /* , callback */, options /* callback */) {}, callbackFirst(callback, options) {},
  bare: cb => {}, bareOther: value => {}, bareWithBody: callback => { callback(null, ')') },
  bracketDefault(x = ')', callback) {}, templateDefault(x = \`\${ { a: ')' }.a + '}' })\`, cb) {}, patternDefault(x = /[/)]\\)"/, done) {},
  functionDefault(x = function (y, cb) {}, z) {}, division(x = 1 / 2, y = 3 / 1, cb) {}, trailing(cb,) {}, spread(x, ...cb) {},
  ['i(j'](x, cb) {}, ['a'.slice(0)](x, cb) {}, async promised(x, cb) {}, class: class { constructor(x, cb) {} },
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
  ['bare', 0],
  ['bareOther', undefined],
  ['bareWithBody', 0],
  ['bracketDefault', 1],
  ['templateDefault', 1],
  ['patternDefault', 1],
  ['functionDefault', undefined],
  ['division', 2],
  ['trailing', 0],
  ['spread', undefined],
  ['i(j', 1],
  ['a', 1],
  ['promised', undefined],
  ['class', undefined],
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

// What a minifier leaves of a method.
const minified = runInThisContext(`({
  calls(e,t){setImmediate(()=>t(null,e))}, applies(e,t){t.apply(null,[null,e])}, maybe(e,t){t?.(null,e)}, schedules(e,t){setImmediate(t,null,e)},
  dollar(e,$){$(null,e)}, arrow:(e,t)=>{t(null,e)}, handsOn(e,t){this.c.find(e,t)}, stops(e,t){if(!e)return;this.c.find(e,t)},
  optional(e,t){return this.c.get(e,t)}, expression:(e,t)=>this.c.get(e,t), options(e,t){this.c.get(e,t.deep||1)}, other(e,t){this.t(e)},
  byDefault(e,t=()=>{}){t(null,e)}, written(key, fn){fn(null, key)}, none(){},
})`) as typeof written;

it.each([
  ['calls', 'callback'],
  ['applies', 'callback'],
  ['maybe', 'callback'],
  ['schedules', 'callback'],
  ['dollar', 'callback'],
  ['arrow', 'callback'],
  ['handsOn', 'unclear'],
  ['stops', 'unclear'],
  ['optional', 'value'],
  ['expression', 'value'],
  ['options', 'value'],
  ['other', 'value'],
  ['byDefault', 'value'],
  ['written', 'value'],
  ['none', 'value'],
])('minified %s: its last parameter is a %s', (name, expected) => {
  const method = minified[name]!;
  const found = callbackIndex(method) === 1 ? 'callback' : isCallbackUnclear(method, 1) ? 'unclear' : 'value';
  expect(found).toBe(expected);
  expect(isCallbackUnclear(method, 2)).toBe(false);
});
