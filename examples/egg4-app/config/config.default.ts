import { join } from 'node:path';

export default ({ baseDir }: { readonly baseDir: string }): object => ({
  keys: 'example',
  logger: { dir: join(baseDir, 'logs') },
});
