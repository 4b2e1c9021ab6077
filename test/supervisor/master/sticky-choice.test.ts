import { chooseWorker, clientAddress, normaliseAddress } from '../../../src/supervisor/master/sticky-choice';
import { Stopwatch } from '../../support/pauses';

const WORKERS = ['worker 1', 'worker 2', 'worker 3', 'worker 4'];
const CLIENTS = Array.from({ length: 10_000 }, (_, i) => `10.${i % 7}.${Math.floor(i / 250)}.${i % 250}`);

describe('chooseWorker', () => {
  it('gives every worker its share of the clients', () => {
    const counts = new Map<string, number>();
    for (const client of CLIENTS) {
      const chosen = chooseWorker(client, WORKERS)!;
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(WORKERS);
    for (const count of counts.values()) expect(Math.abs(count - 2_500)).toBeLessThan(250);
  });

  it.each(WORKERS)('moves only the clients of %s when that one is missing, and spreads them over the others', (missing) => {
    const left = WORKERS.filter((worker) => worker !== missing);
    const moved = CLIENTS.filter((client) => chooseWorker(client, left) !== chooseWorker(client, WORKERS));
    expect(moved).toEqual(CLIENTS.filter((client) => chooseWorker(client, WORKERS) === missing));
    const counts = left.map((worker) => moved.filter((client) => chooseWorker(client, left) === worker).length);
    for (const count of counts) expect(Math.abs(count - moved.length / 3)).toBeLessThan(moved.length / 10);
  });

  it('does not look at the order of the workers', () => {
    const reversed = [...WORKERS].reverse();
    expect(CLIENTS.filter((client) => chooseWorker(client, reversed) !== chooseWorker(client, WORKERS))).toEqual([]);
  });

  it('knows a client by any spelling of its address', () => {
    for (let i = 0; i < 50; i++) {
      expect(chooseWorker(`::ffff:192.0.2.${i}`, WORKERS)).toBe(chooseWorker(`192.0.2.${i}`, WORKERS));
      expect(chooseWorker(`FE80:0::${i}%eth0`, WORKERS)).toBe(chooseWorker(`fe80::${i}`, WORKERS));
    }
  });

  it('chooses nobody when there is nobody', () => {
    expect(chooseWorker('192.0.2.1', [])).toBeUndefined();
  });
});

describe('normaliseAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['192.0.2.256', undefined],
    ['192.0.2', undefined],
    ['localhost', undefined],
    ['[::1]', undefined],
    ['', undefined],
  ])('%s is %s', (given, expected) => {
    expect(normaliseAddress(given)).toBe(expected);
  });
});

describe('clientAddress', () => {
  const OWN = '198.51.100.9';
  const request = (...lines: string[]) => Buffer.from(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'));
  const of = (head: Buffer, header = 'x-forwarded-for') => clientAddress(head, header, OWN);

  it.each([
    ['one address', 'x-forwarded-for: 192.0.2.1', '192.0.2.1'],
    ['the leftmost of a list', 'x-forwarded-for: 192.0.2.1, 192.0.2.2', '192.0.2.1'],
    ['the leftmost that is an address', 'x-forwarded-for: unknown, , 192.0.2.300, 192.0.2.2', '192.0.2.2'],
    ['any case of the name', 'X-FORWARDED-for:192.0.2.1', '192.0.2.1'],
    ['a port', 'x-forwarded-for: 192.0.2.1:4711', '192.0.2.1'],
    ['IPv6', 'x-forwarded-for: 2001:DB8::1', '2001:db8::1'],
    ['IPv6 with a port', 'x-forwarded-for: [2001:db8::1]:4711', '2001:db8::1'],
    ['IPv6 that holds IPv4', 'x-forwarded-for: ::ffff:192.0.2.1', '192.0.2.1'],
    ['a folded line', 'x-forwarded-for:\r\n 192.0.2.1', '192.0.2.1'],
    ['two lines', 'x-forwarded-for: unknown\r\nx-forwarded-for: 192.0.2.7', '192.0.2.7'],
    ['a header with a longer name', 'x-forwarded-for-real: 192.0.2.1', OWN],
    ['a value without an address', 'x-forwarded-for: unknown', OWN],
    ['a line without a colon', 'x-forwarded-for 192.0.2.1', OWN],
    ['no such header', 'x-other: 192.0.2.1', OWN],
  ])('x-forwarded-for: %s', (_, line, expected) => {
    expect(of(request(line))).toBe(expected);
  });

  it.each([
    ['one address', 'Forwarded: for=192.0.2.1', '192.0.2.1'],
    ['quoted IPv6 with a port', 'forwarded: for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['other pairs', 'forwarded: proto=https;By=192.0.2.9; For = 192.0.2.1, for=192.0.2.2', '192.0.2.1'],
    ['hidden names', 'forwarded: for=_hidden, for=unknown, for=192.0.2.3', '192.0.2.3'],
    ['a pair inside quotes', 'forwarded: host="a,for=192.0.2.9;\\"for=192.0.2.8";for=192.0.2.1', '192.0.2.1'],
    ['an address without a pair', 'forwarded: 192.0.2.1', OWN],
    ['quotes that do not end', 'forwarded: for="192.0.2.1', OWN],
  ])('forwarded: %s', (_, line, expected) => {
    expect(of(request(line), 'forwarded')).toBe(expected);
  });

  it('waits for the end of the header section, at every byte', () => {
    const head = request('x-forwarded-for: 192.0.2.1');
    for (let length = 0; length < head.length; length++) expect(of(head.subarray(0, length))).toBeUndefined();
    expect(of(head)).toBe('192.0.2.1');
    expect(of(Buffer.concat([head, Buffer.from('x-forwarded-for: 192.0.2.9\r\n\r\n')]))).toBe('192.0.2.1');
  });

  it('takes line ends without a carriage return, and empty lines before the request', () => {
    expect(of(Buffer.from('\r\n\nGET / HTTP/1.0\nx-forwarded-for: 192.0.2.1\n\n'))).toBe('192.0.2.1');
  });

  it.each([
    ['TLS', Buffer.from([0x16, 3, 1, 2, 0, 1])],
    ['HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n')],
    ['a line that is no request', Buffer.from('hello\r\n')],
    ['a line that cannot become one', Buffer.from('{"a":1')],
  ])('does not wait for a header of %s', (_, head) => {
    expect(of(head)).toBe(OWN);
  });

  it('gives up after 16 KiB', () => {
    const endless = Buffer.from(`GET / HTTP/1.1\r\nx-forwarded-for: 192.0.2.1\r\nx: ${'x'.repeat(16 * 1024)}`);
    expect(of(endless.subarray(0, 16 * 1024 - 1))).toBeUndefined();
    expect(of(endless.subarray(0, 16 * 1024))).toBe(OWN);
    expect(of(Buffer.concat([endless, Buffer.from('\r\n\r\n')]))).toBe(OWN);
  });

  it('is quick with the worst that a stranger can write', () => {
    const worst = ['x'.repeat(16_000), `${'"\\'.repeat(8_000)}`, ',;'.repeat(8_000), '\r\n '.repeat(5_000), '='.repeat(16_000)];
    const watch = new Stopwatch();
    for (const text of worst) expect(of(request(`forwarded: ${text}`).subarray(0, 16 * 1024), 'forwarded')).toBe(OWN);
    expect(watch.ownMs()).toBeLessThan(500);
  });
});
