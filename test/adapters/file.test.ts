// The adapter for files, by the suite of all adapters.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connectFile } from '../../src/adapters/file';
import { describeAdapter } from './conformance';
import { LACKS } from './lacks';

describeAdapter({
  name: 'file',
  lacks: LACKS.file,
  largestBytes: 2 ** 20,
  start: () =>
    Promise.resolve({
      place: () => {
        const path = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-file-')));
        return Promise.resolve({
          connect: (shared) => connectFile({ path }, shared),
          inProcess: { module: 'file', connect: 'connectFile', options: { path } },
          write: async (key, value) => {
            await mkdir(dirname(join(path, key)), { recursive: true });
            // As programs replace a file: no reader sees half a file. What else editors do has tests of its own.
            await writeFile(join(path, '.new'), value);
            await rename(join(path, '.new'), join(path, key));
          },
          // What a server is to others, the folder is to files: taken away and put back.
          server: { kill: () => rename(path, `${path}.away`), start: () => rename(`${path}.away`, path) },
          remove: (key) => rm(join(path, key)),
          keys: async (prefix) => (await readdir(path, { recursive: true })).filter((key) => key.startsWith(prefix)).sort(),
          close: () => {
            for (const each of [path, `${path}.away`]) rmSync(each, { recursive: true, force: true });
            return Promise.resolve();
          },
        });
      },
      stop: () => Promise.resolve(),
    }),
});
