import { portHint } from '../../../src/supervisor/master/port-hint';

it.each([
  ['Error: listen EADDRINUSE: address already in use :::7001', undefined, '; to see which program has the port: lsof -i :7001'],
  ['Error: listen EADDRINUSE: address already in use 127.0.0.1:80', 7001, '; to see which program has the port: lsof -i :80'],
  ['EADDRINUSE: port 80 is in use by another program', undefined, '; to see which program has the port: lsof -i :80'],
  [
    'Error: listen EADDRINUSE: address already in use :::7001\n    at net.js',
    7001,
    "; with the option sticky port 7001 is the master's own",
  ],
  ['Error: listen EACCES: permission denied 0.0.0.0:80', 80, ''],
  [undefined, 7001, ''],
])('after %j, with %j for the master', (reason, mastersPort, expected) => {
  const hint = portHint(reason, mastersPort);
  expect(hint.startsWith(expected)).toBe(true);
  if (expected === '') expect(hint).toBe('');
});
