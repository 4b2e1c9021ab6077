// Which processes have the same secret, what becomes of files that cannot be trusted, and what is said then.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { TrunklineError } from '../../src/errors';
import { removeUnused, sharedSecret, type SecretPlace } from '../../src/transport/credentials';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';

const uid = process.geteuid!();
const isRoot = uid === 0;
let parent: string;
let folder: string;
let file: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'trunkline-secret-'));
  folder = join(parent, `trunkline-${uid}`);
  file = join(folder, '7777.secret');
});

afterEach(() => {
  jest.restoreAllMocks();
  rmSync(parent, { recursive: true });
});

const ask = (place: Partial<SecretPlace> = {}): Promise<Buffer> =>
  sharedSecret({ port: 7777, secret: undefined, runtimeFolder: parent, temporaryFolder: '/nowhere', ...place });

const failure = async (place: Partial<SecretPlace> = {}): Promise<TrunklineError & { folder: string; port: number }> => {
  const error: unknown = await ask(place).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TrunklineError);
  return error as never;
};

const leave = (content: string, mode = 0o600, path = file): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode });
  chmodSync(path, mode);
};

describe('a secret that the user gave', () => {
  test('is the same everywhere, and needs no folder', async () => {
    const place = { secret: 'sesame', runtimeFolder: '/nowhere', temporaryFolder: '/nowhere' };
    const one = await ask(place);
    expect(one).toHaveLength(32);
    expect(await ask({ ...place, runtimeFolder: undefined, port: 1 })).toEqual(one);
    expect(await ask({ ...place, secret: 'Sesame' })).not.toEqual(one);
    expect(readdirSync(parent)).toEqual([]);
  });

  test('is not what goes into the proof as it is', async () => {
    expect((await ask({ secret: 'x'.repeat(32) })).toString()).not.toContain('x'.repeat(8));
  });
});

describe('a secret of its own', () => {
  test('is the same for all who ask, and another one for another port', async () => {
    const one = await ask();
    expect(one).toHaveLength(32);
    expect(await ask()).toEqual(one);
    expect(await ask({ port: 7778 })).not.toEqual(one);
  });

  test('is looked at once for all who ask in one turn of the event loop, and again in the next one', async () => {
    const one = await ask();
    expect(await Promise.all([ask(), ask()])).toEqual([one, one]);
    rmSync(file);
    expect(await ask()).toEqual(one);
    await new Promise(setImmediate);
    expect(await ask()).not.toEqual(one);
  });

  test('is in a file that only this user can read, whatever the umask, with nothing beside it', async () => {
    const before = process.umask(0);
    try {
      const secret = await ask();
      expect(readFileSync(file, 'utf8')).toBe(secret.toString('hex'));
    } finally {
      process.umask(before);
    }
    expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(readdirSync(folder)).toEqual(['7777.secret']);
  });

  test('is found without XDG_RUNTIME_DIR, with a relative one, and with one that is gone', async () => {
    // Nobody has this number, and there is no /run/user folder; the folder made for the number belongs to the real user.
    jest.spyOn(process, 'geteuid').mockReturnValue(4_123_456_789);
    const other = join(parent, 'other');
    mkdirSync(other);
    for (const runtimeFolder of [undefined, relative(process.cwd(), other), join(parent, 'gone')]) {
      const { folder: used } = await failure({ runtimeFolder, temporaryFolder: parent });
      expect(used).toBe(join(parent, 'trunkline-4123456789'));
    }
  });

  test('is made anew when a cleaner has removed it, for everybody who asks then', async () => {
    const before = await ask();
    rmSync(file);
    const after = await ask();
    expect(after).not.toEqual(before);
    expect(await ask()).toEqual(after);
    rmSync(folder, { recursive: true });
    expect(await ask()).toHaveLength(32);
  });

  test.each([
    ['empty', ''],
    ['cut off', 'ab'.repeat(20)],
    ['too long', 'ab'.repeat(33)],
    ['not hexadecimal', 'x'.repeat(64)],
  ])('is another one when the file is %s', async (_, content) => {
    leave(content);
    const secret = await ask();
    expect(secret).toHaveLength(32);
    expect(secret.toString('hex')).not.toContain('ababab');
    expect(await ask()).toEqual(secret);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  test('is not looked for in more than ten files', async () => {
    leave('');
    for (let number = 2; number <= 10; number += 1) leave('', 0o600, join(folder, `7777.${number}.secret`));
    expect((await failure()).message).toContain('10 files for this port hold no secret; remove them');
  });

  test('is one for any number of processes that ask at the same time, also where a file is cut off', async () => {
    const ports = Array.from({ length: 150 }, (_, index) => index + 1);
    leave('');
    for (const port of ports) if (port % 3 === 0) leave('abc', 0o600, join(folder, `${port}.secret`));
    const children = Array.from({ length: 6 }, () => new Child('secret-reader'));
    try {
      await Promise.all(children.map((child) => child.message('up', ({ type }) => type === 'up')));
      const answers = await Promise.all(children.map((child) => child.ask({ type: 'ask', ports, folder: parent })));
      const [first, ...others] = answers.map((each) => each.answers as string[]);
      for (const other of others) expect(other).toEqual(first);
      expect(new Set(first).size).toBe(ports.length);
      expect(first!.filter((secret) => !/^[0-9a-f]{64}$/.test(secret))).toEqual([]);
      expect(readdirSync(folder).filter((name) => !/^\d+(\.2)?\.secret$/.test(name))).toEqual([]);
    } finally {
      await Promise.all(children.map((child) => child.stop()));
    }
  });
});

describe('a folder that cannot be used is told, with what to do', () => {
  test('in one sentence, with the facts and without the secret', async () => {
    const secret = (await ask()).toString('hex');
    chmodSync(file, 0o640);
    const error = await failure();
    expect(error.message).toBe(
      `cluster port 7777: the folder ${folder} for the secret of this user cannot be used: others may use ${file} (mode 0640); ` +
        'mend that, or set the option secret (TRUNKLINE_SECRET) to the same text in every process, or auth: false',
    );
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_NO_SECRET', retryable: true, port: 7777, folder });
    expect(JSON.stringify(error) + error.stack).not.toContain(secret);
  });

  test.each(['750', '701', '777'])('when others may enter it (mode %s); it is not mended', async (mode) => {
    mkdirSync(folder);
    chmodSync(folder, mode);
    expect((await failure()).message).toContain(`others may use it (mode 0${mode})`);
    expect((statSync(folder).mode & 0o777).toString(8)).toBe(mode);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('when it belongs to another user', async () => {
    mkdirSync(join(parent, `trunkline-${uid + 1}`), { mode: 0o700 });
    jest.spyOn(process, 'geteuid').mockReturnValue(uid + 1);
    expect((await failure()).message).toContain(`it belongs to the user ${uid}, not to ${uid + 1}`);
  });

  test('when it is a symbolic link, also to a folder that would do', async () => {
    mkdirSync(join(parent, 'real'), { mode: 0o700 });
    symlinkSync(join(parent, 'real'), folder);
    expect((await failure()).message).toContain('it is a symbolic link');
  });

  test('when it is a file', async () => {
    writeFileSync(folder, '');
    expect((await failure()).message).toContain('it is not a folder');
  });

  test('when it cannot be made', async () => {
    expect((await failure({ runtimeFolder: '/proc' })).message).toMatch(/ENOENT|EACCES|EPERM/);
    writeFileSync(join(parent, 'file'), '');
    expect((await failure({ runtimeFolder: join(parent, 'file') })).message).toContain('ENOTDIR');
  });

  test('when the file is a symbolic link', async () => {
    leave('ab'.repeat(32), 0o600, join(parent, 'elsewhere'));
    symlinkSync(join(parent, 'elsewhere'), file);
    expect((await failure()).message).toContain('ELOOP');
  });

  test('when the file is a folder', async () => {
    mkdirSync(file, { recursive: true });
    chmodSync(folder, 0o700);
    expect((await failure()).message).toContain(`${file} is not a file`);
  });

  test('when the file is a FIFO; nobody waits for what comes out of it', async () => {
    mkdirSync(folder, { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '600', file]);
    expect((await failure()).message).toContain(`${file} is not a file`);
  });

  test('when the disk is full; nothing is left then, and later it goes on', async () => {
    const handle = await open(join(parent, 'any'), 'w');
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const write = jest.spyOn(prototype, 'writeFile').mockRejectedValue(full);
    const error = await failure();
    expect(error.message).toContain('ENOSPC: no space left on device');
    expect(error.cause).toBe(full);
    expect(readdirSync(folder)).toEqual([]);
    write.mockRestore();
    expect(await ask()).toHaveLength(32);
  });

  // A separate file system, which only root can mount.
  const canMount = isRoot && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
  (canMount ? test : test.skip).each([
    ['is full', 'size=4k', 'dd if=/dev/zero of=/mnt/fill bs=1k count=4', /ENOSPC: no space left on device, write/],
    ['has no inode left', 'nr_inodes=3', ':', /ENOSPC: no space left on device, open '\/mnt\/x\/trunkline-0\/7777\.secret'/],
    [
      'can only be read',
      'ro',
      'mount -o remount,rw /mnt && mkdir -m 700 /mnt/x /mnt/x/trunkline-0 && mount -o remount,ro /mnt',
      /EROFS/,
    ],
  ])('when the disk %s, with the same words each time', (_, options, prepare, reason) => {
    const program = `
      const { sharedSecret } = require('./dist/src/transport/credentials.js');
      const ask = () => sharedSecret({ port: 7777, secret: undefined, runtimeFolder: '/mnt/x', temporaryFolder: '/nowhere' });
      const failure = () => ask().then(() => 'it went well', (error) => error.message);
      (async () => console.log(JSON.stringify([await failure(), await failure()])))();
    `;
    const shell = `mount -t tmpfs -o ${options} tmpfs /mnt && mkdir -p /mnt/x 2>&-; ${prepare} 2>&-; exec "$0" -e "$1"`;
    const output = execFileSync('unshare', ['-m', 'sh', '-c', shell, process.execPath, program], { encoding: 'utf8' });
    const [first, second] = JSON.parse(output) as [string, string];
    expect(first).toMatch(reason);
    expect(second).toBe(first);
  });

  (isRoot ? test : test.skip)('when the file belongs to another user', async () => {
    leave('ab'.repeat(32));
    chownSync(file, 65_534, 65_534);
    expect((await failure()).message).toContain(`${file} belongs to the user 65534, not to 0`);
  });

  (isRoot ? test : test.skip)('when it cannot be written', async () => {
    chmodSync(parent, 0o755);
    const child = new Child('secret-reader');
    try {
      const { answers } = await child.ask({ type: 'ask', ports: [7777], folder: parent, uid: 65_534 });
      expect((answers as string[])[0]).toContain('EACCES');
    } finally {
      await child.stop();
    }
  });
});

test('systems without owners have nothing to object to a mode', async () => {
  mkdirSync(join(parent, 'trunkline-user'));
  chmodSync(join(parent, 'trunkline-user'), 0o777);
  const geteuid = process.geteuid!;
  try {
    delete process.geteuid;
    expect(await ask()).toHaveLength(32);
  } finally {
    process.geteuid = geteuid;
  }
});

describe('files of ports that are not used any more', () => {
  const DAY_MS = 24 * 3_600_000;
  const age = (name: string, days: number): void => {
    const then = new Date(Date.now() - days * DAY_MS);
    utimesSync(join(folder, name), then, then);
  };
  const askAt = (port: number): Promise<Buffer> =>
    sharedSecret({ port, secret: undefined, runtimeFolder: parent, temporaryFolder: '/nowhere' });

  test('are removed after ten days', async () => {
    await askAt(7001);
    await askAt(7002);
    age('7001.secret', 11);
    age('7002.secret', 9);
    await removeUnused(folder);
    expect(readdirSync(folder).sort()).toEqual(['7002.secret']);
  });

  test('are looked for a minute after another one was made, and nobody waits for that', async () => {
    const clock = new ManualClock();
    const askThen = (port: number) =>
      sharedSecret({ port, secret: undefined, runtimeFolder: parent, temporaryFolder: '/nowhere' }, clock);
    await askThen(7001);
    age('7001.secret', 11);
    await askThen(7002);
    await askThen(7003);
    expect(clock.pending).toBe(1);
    clock.advance(59_999);
    expect(readdirSync(folder).sort()).toEqual(['7001.secret', '7002.secret', '7003.secret']);
    clock.advance(1);
    await eventually('one less', () => readdirSync(folder).length === 2);
    await askThen(7003);
    expect(clock.pending).toBe(0); // nothing was made
    await askThen(7004);
    expect(clock.pending).toBe(1);
    rmSync(folder, { recursive: true });
    clock.advance(60_000); // a folder that is gone is no failure
  });

  test('one that is asked for is in use', async () => {
    const secret = await askAt(7001);
    age('7001.secret', 11);
    expect(await askAt(7001)).toEqual(secret);
    await removeUnused(folder);
    expect(readdirSync(folder).sort()).toEqual(['7001.secret']);
  });

  test('one without a secret stays in front of one that has it', async () => {
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, '7001.secret'), '', { mode: 0o600 });
    const secret = await askAt(7001);
    age('7001.secret', 11);
    await removeUnused(folder);
    expect(await askAt(7001)).toEqual(secret);
    expect(readdirSync(folder).sort()).toEqual(['7001.2.secret', '7001.secret']);
  });
});
