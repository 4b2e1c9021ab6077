// Systems that lack something: the package for YAML, and watches of folders.

import fs, { writeFileSync } from 'node:fs';
import { eventually } from '../../support/eventually';
import { Heard, WatchedFolder } from './watched-folder';

jest.mock('yaml', () => {
  throw Object.assign(new Error("Cannot find module 'yaml'\nRequire stack:\n- /app.js"), { code: 'MODULE_NOT_FOUND' });
});

let folder: WatchedFolder;
beforeEach(() => {
  folder = new WatchedFolder();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await folder.close();
});

const missing = { code: 'ERR_TRUNKLINE_PACKAGE_MISSING', package: 'yaml' };

it('a YAML file without the package is named in the health, and other files are served', async () => {
  const client = folder.holding({ 'a.yaml': 'a: 1', b: '2' }).client();
  await client.ready();
  expect((await client.list('')).map(({ key }) => key)).toEqual(['b']);
  expect(client.health.error).toMatchObject(missing);
  expect(client.health.error!.message).toContain('npm install yaml');
  await expect(client.get('a.yaml')).rejects.toMatchObject(missing);
});

it('a YAML file as the path without the package is an error at the start', async () => {
  await expect(folder.holding({ 'a.yaml': 'a: 1' }).client('a.yaml').ready()).rejects.toMatchObject(missing);
});

it('where the system has no watch left the files are looked at every second', async () => {
  const watch = jest.spyOn(fs, 'watch').mockImplementation(() => {
    throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
  });
  const client = folder.holding({ key: 'one' }).client();
  await client.ready();
  const heard = await Heard.of(client, 'key');
  writeFileSync(folder.at('key'), 'two');
  await eventually('the change', () => heard.last === 'two');
  expect(watch).toHaveBeenCalled();
  expect(client.health.ok).toBe(true);
});
