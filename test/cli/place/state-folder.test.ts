// Which folder is used for sockets and pid files, and which is refused.

import { chmodSync, mkdtempSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretFolderOf } from '../../../src/private-folder';
import { checkStateFolder, objectionTo, openStateFolder, stateFolderOf } from '../../../src/cli/place/state-folder';

const uid = process.getuid!();
let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'trunkline-folder-'));
});

afterEach(() => {
  rmSync(parent, { recursive: true });
});

test('sockets and secrets lie in the runtime folder of the user', () => {
  expect(stateFolderOf({ uid: 7, runtimeDir: parent, tmp: '/tmp' })).toBe(join(parent, 'trunkline'));
  expect(secretFolderOf({ uid: 7, runtimeFolder: parent, temporaryFolder: '/tmp' })).toBe(join(parent, 'trunkline-7'));
});

test.each([undefined, 'relative', '/nowhere/gone'])(
  'without one (%s) they lie in the folder for temporary files',
  (runtimeDir) => {
    // A user id that has no folder in /run/user.
    expect(stateFolderOf({ uid: 4_000_000_007, runtimeDir, tmp: '/tmp' })).toBe('/tmp/trunkline-4000000007');
    expect(secretFolderOf({ uid: 4_000_000_007, runtimeFolder: runtimeDir, temporaryFolder: '/tmp' })).toBe(
      '/tmp/trunkline-4000000007',
    );
  },
);

test('a new folder is closed to everybody else, whatever the umask', () => {
  const before = process.umask(0);
  try {
    openStateFolder(join(parent, 'new'), uid);
  } finally {
    process.umask(before);
  }
  expect(statSync(join(parent, 'new')).mode & 0o777).toBe(0o700);
});

test('a folder of a former time is used again', () => {
  openStateFolder(join(parent, 'again'), uid);
  openStateFolder(join(parent, 'again'), uid);
  expect(checkStateFolder(join(parent, 'again'), uid)).toBe(true);
});

test('a folder that is not there is no reason to fail where nothing is to be made', () => {
  expect(checkStateFolder(join(parent, 'missing'), uid)).toBe(false);
});

test.each([0o770, 0o755, 0o701, 0o777])('a folder with mode %o is refused', (mode) => {
  mkdirSync(join(parent, 'wide'));
  chmodSync(join(parent, 'wide'), mode);
  expect(() => openStateFolder(join(parent, 'wide'), uid)).toThrow(`mode 0${mode.toString(8)}`);
});

test('a folder of another user is refused', () => {
  mkdirSync(join(parent, 'foreign'), { mode: 0o700 });
  expect(() => openStateFolder(join(parent, 'foreign'), uid + 1)).toThrow(`belongs to the user ${uid}`);
  expect(() => checkStateFolder(join(parent, 'foreign'), uid + 1)).toThrow(`belongs to the user ${uid}`);
});

test('a symbolic link is refused, also to a folder that would do', () => {
  mkdirSync(join(parent, 'real'), { mode: 0o700 });
  symlinkSync(join(parent, 'real'), join(parent, 'link'));
  expect(() => openStateFolder(join(parent, 'link'), uid)).toThrow('symbolic link');
});

test('a file in its place is refused', () => {
  writeFileSync(join(parent, 'file'), '');
  expect(() => openStateFolder(join(parent, 'file'), uid)).toThrow('not a folder');
});

test('a folder that cannot be made is told in one sentence', () => {
  expect(() => openStateFolder(join(parent, 'missing', 'folder'), uid)).toThrow(
    /there is no such folder \(ENOENT\).*XDG_RUNTIME_DIR/,
  );
});

test('systems without owners have nothing to object', () => {
  const stat = { mode: 0o777, uid: 0, isDirectory: () => true, isSymbolicLink: () => false };
  expect(objectionTo(stat, undefined)).toBeUndefined();
});
