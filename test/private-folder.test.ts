// The folder for what can be made again: nobody else can put another one in its place.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCacheFolder, type CachePlace } from '../src/private-folder';

const uid = process.geteuid?.();
const temporaryFolder = tmpdir();

let home: string;
let place: CachePlace;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'trunkline-home-'));
  place = { uid, cacheHome: undefined, home, temporaryFolder };
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const describeUsers = uid === undefined ? describe.skip : describe;

describeUsers('on a system with users', () => {
  test('lies in .cache of the home, and both are made for this user alone', () => {
    expect(openCacheFolder(place)).toBe(join(home, '.cache', 'trunkline'));
    for (const made of ['.cache', '.cache/trunkline']) expect(statSync(join(home, made)).mode & 0o777).toBe(0o700);
    expect(openCacheFolder(place)).toBe(join(home, '.cache', 'trunkline'));
  });

  test('lies in XDG_CACHE_HOME where that is an absolute path', () => {
    const cacheHome = join(home, 'caches');
    expect(openCacheFolder({ ...place, cacheHome, home: undefined })).toBe(join(cacheHome, 'trunkline'));
    expect(openCacheFolder({ ...place, cacheHome: 'caches' })).toBe(join(home, '.cache', 'trunkline'));
    expect(openCacheFolder({ ...place, cacheHome: '' })).toBe(join(home, '.cache', 'trunkline'));
  });

  test.each<[string, () => Partial<CachePlace> | undefined]>([
    ['there is no home', () => ({ home: undefined })],
    ['the home is a relative path', () => ({ home: 'home' })],
    ['the home does not exist', () => ({ home: join(home, 'gone') })],
    ['others may write in the home', () => void chmodSync(home, 0o770)],
    ['the home belongs to somebody else', () => ({ uid: uid! + 1 })],
    ['others may write in .cache', () => void (mkdirSync(join(home, '.cache')), chmodSync(join(home, '.cache'), 0o702))],
    ['.cache is a link', () => void symlinkSync(tmpdir(), join(home, '.cache'))],
    [
      '.cache is a link to a folder of this user',
      () => (mkdirSync(join(home, 'other')), void symlinkSync(join(home, 'other'), join(home, '.cache'))),
    ],
    [
      'the folder itself is open to others',
      () =>
        void (mkdirSync(join(home, '.cache/trunkline'), { recursive: true }), chmodSync(join(home, '.cache/trunkline'), 0o750)),
    ],
    ['XDG_CACHE_HOME cannot be made', () => ({ cacheHome: '/proc/trunkline' })],
  ])('there is none where %s', (_, prepare) => {
    const other = prepare();
    expect(openCacheFolder({ ...place, ...other })).toBeUndefined();
  });

  test('a folder for temporary files that all users share is never used', () => {
    expect(openCacheFolder({ ...place, home: undefined })).toBeUndefined();
    expect(existsSync(join(temporaryFolder, 'trunkline'))).toBe(false);
  });
});

test("without users it lies with the temporary files, which are the user's own there", () => {
  expect(openCacheFolder({ uid: undefined, cacheHome: undefined, home: undefined, temporaryFolder: home })).toBe(
    join(home, 'trunkline'),
  );
});
