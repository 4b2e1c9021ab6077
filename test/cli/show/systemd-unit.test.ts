// Units of systemd: what has to be escaped in them.

import { unitText, type Unit } from '../../../src/cli/show/systemd-unit';

const unit = (given: Partial<Unit>): string =>
  unitText({
    name: 'shop',
    user: 'shop',
    workingFolder: '/srv/shop',
    command: ['/usr/bin/node', '/usr/bin/trunkline', 'start', 'app.js'],
    environment: {},
    stopTimeoutMs: 5_000,
    comments: ['/etc/systemd/system/shop.service'],
    ...given,
  });
const line = (key: string, text: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1];

test('a whole unit', () => {
  expect(unit({})).toBe(`# /etc/systemd/system/shop.service

[Unit]
Description=shop (trunkline)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=shop
WorkingDirectory=/srv/shop
ExecStart=/usr/bin/node /usr/bin/trunkline start app.js
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=10
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=2
RuntimeDirectory=trunkline-shop
RuntimeDirectoryMode=0700

[Install]
WantedBy=multi-user.target
`);
});

test.each([
  ['two words', '"two words"'],
  ['100%', '100%%'],
  ['%n', '%%n'],
  ['$HOME', '$$HOME'],
  ['a"b', '"a\\"b"'],
  ["it's", '"it\'s"'],
  ['a\\b', '"a\\\\b"'],
  [';', '";"'],
  ['', '""'],
  ['a\nb', '"a\\nb"'],
  ['--title=größer', '"--title=größer"'],
])('the argument %j is written %s', (arg, written) => {
  expect(line('ExecStart', unit({ command: ['/usr/bin/node', 'x', arg] }))).toBe(`/usr/bin/node x ${written}`);
});

test('the program, the folder and variables are escaped too, and no dollar of the program is doubled', () => {
  const text = unit({
    command: ['/opt/my $node 20%/node'],
    workingFolder: '/srv/my shop 100%',
    environment: { PATH: '/opt/my node:/bin', RATE: '5%' },
  });
  expect(line('ExecStart', text)).toBe('"/opt/my $node 20%%/node"');
  expect(line('WorkingDirectory', text)).toBe('/srv/my shop 100%%');
  expect(text).toContain('Environment="PATH=/opt/my node:/bin"\nEnvironment=RATE=5%%\n');
});

test('the limit of a stop is above that of the application', () => {
  expect(line('TimeoutStopSec', unit({ stopTimeoutMs: 20_500 }))).toBe('26');
});

test('without a name for the user nobody is named', () => {
  expect(unit({ user: undefined })).not.toMatch(/^User=/m);
});
