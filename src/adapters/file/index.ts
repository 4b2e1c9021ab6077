// `trunkline/file`: configuration from files, read and watched by one process of the host.

import { resolve } from 'node:path';
import { connectStore, type Store, type StoreOptions } from '../front';
import { assertPath, FileClient, type FileOptions } from './file-client';

export * from '../face';
export { FileClient, type FileOptions } from './file-client';

/**
 * Shares a folder or a file with all processes of the host.
 * @param shared options of the shared client, such as `port`
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID when the path is no text
 */
export function connectFile(options: FileOptions, shared?: StoreOptions): Store {
  assertPath((options as Partial<FileOptions> | undefined)?.path);
  return connectStore(FileClient, `file ${resolve(options.path)}`, options, shared);
}
