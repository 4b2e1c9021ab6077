// What a configuration file says of applications: every key is known, and each application has its name.

import { dirname } from 'node:path';
import type { ApplicationConfiguration } from '../../supervisor/define-config';
import { CommandFailure } from '../command-failure';
import type { ConfigurationFile } from './configuration-file';
import { nearest } from './nearest';

type Key = keyof ApplicationConfiguration;

/** Every key of an application. `command`: for `trunkline start`; the others are options of startCluster. */
const KEYS: Readonly<Record<Key, 'command' | 'supervisor'>> = {
  app: 'supervisor',
  agent: 'supervisor',
  args: 'supervisor',
  framework: 'supervisor',
  frameworkOptions: 'command',
  https: 'supervisor',
  debugPort: 'supervisor',
  reusePort: 'supervisor',
  baseDir: 'command',
  workers: 'supervisor',
  port: 'supervisor',
  ports: 'supervisor',
  sticky: 'supervisor',
  startMode: 'supervisor',
  require: 'supervisor',
  nodeArgs: 'supervisor',
  env: 'supervisor',
  environment: 'supervisor',
  instanceVariable: 'supervisor',
  clusterPort: 'supervisor',
  startTimeout: 'supervisor',
  stopTimeout: 'supervisor',
  reloadTimeout: 'supervisor',
  blockedTimeout: 'supervisor',
  profileDir: 'supervisor',
  compileCache: 'supervisor',
  maxMemory: 'supervisor',
  hardMaxMemory: 'supervisor',
  scheduling: 'supervisor',
  watch: 'command',
  watchIgnore: 'command',
  cronRestart: 'command',
  dashboard: 'command',
  logMaxSize: 'command',
  logRotate: 'command',
  logKeep: 'command',
  pidFile: 'command',
  stdout: 'command',
  stderr: 'command',
};

export const APPLICATION_KEYS = Object.keys(KEYS) as Key[];

/** How PM2 calls what has another name here, by the name in small letters without underscores. */
const PM2_NAMES: Readonly<Record<string, string>> = {
  apps: 'applications',
  cwd: 'baseDir',
  errorfile: 'stderr',
  execmode: 'startMode',
  instances: 'workers',
  instancevar: 'instanceVariable',
  interpreterargs: 'nodeArgs',
  ignorewatch: 'watchIgnore',
  killtimeout: 'stopTimeout',
  listentimeout: 'startTimeout',
  maxmemoryrestart: 'maxMemory',
  name: 'title',
  outfile: 'stdout',
  pid: 'pidFile',
  script: 'app',
};

/** Variables of the environment that count more than a configuration, by key. */
export const OVERRULED_BY: Readonly<Partial<Record<Key, readonly string[]>>> = {
  env: ['EGG_SERVER_ENV'],
  clusterPort: ['NODE_CLUSTER_CLIENT_PORT'],
  stopTimeout: ['EGG_APP_CLOSE_TIMEOUT', 'EGG_AGENT_CLOSE_TIMEOUT', 'EGG_MASTER_CLOSE_TIMEOUT'],
};

export interface ConfiguredApplication {
  /** The name in `applications`, or the title of a single application. */
  readonly title: string | undefined;
  readonly file: string;
  /** Where relative paths of the file begin. */
  readonly folder: string;
  /** What is written, without nulls. */
  readonly given: Readonly<Record<string, unknown>>;
  /** Where a key is written, as `FILE:3:5`. */
  placeOf(key: string): string;
}

/** @throws CommandFailure that names the place in the file */
export function applicationsOf(file: ConfigurationFile): ConfiguredApplication[] {
  const root = tableOf(file, [], file.value);
  const { applications, ...common } = root;
  if (applications === undefined) {
    checkKeys(file, [], root, [...APPLICATION_KEYS, 'title', 'applications']);
    if (Object.keys(root).length === 0) throw CommandFailure.usage(`${file.path} says nothing of any application`);
    return [applicationOf(file, root, [])];
  }
  checkKeys(file, [], common, [...APPLICATION_KEYS, 'applications']);
  const named = Object.entries(tableOf(file, ['applications'], applications));
  if (named.length === 0) throw CommandFailure.usage(`${file.placeOf(['applications'])}: there is no application`);
  return named.map(([name, value]) => {
    const path = ['applications', name];
    if (!/^[\w-][\w.-]{0,39}$/.test(name)) {
      throw CommandFailure.usage(
        `${file.placeOf(path)}: the name of an application has at most 40 letters, digits and - _ ., but this is ${JSON.stringify(name)}`,
      );
    }
    const own = tableOf(file, path, value);
    checkKeys(file, path, own, APPLICATION_KEYS);
    return applicationOf(file, { ...common, ...own, title: name }, path, Object.keys(own));
  });
}

function applicationOf(
  file: ConfigurationFile,
  { title, ...given }: Record<string, unknown>,
  path: readonly string[],
  own = Object.keys(given),
): ConfiguredApplication {
  if (title !== undefined && (typeof title !== 'string' || title === ''))
    throw CommandFailure.usage(`${file.placeOf([...path, 'title'])}: title must be a text`);
  const placeOf = (key: string): string => file.placeOf(own.includes(key) ? [...path, key] : [key]);
  return { title, file: file.path, folder: dirname(file.path), given, placeOf };
}

function tableOf(file: ConfigurationFile, path: readonly string[], value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined && each !== null));
  const what = path.length === 0 ? 'the configuration' : path.join('.');
  const shown = Array.isArray(value) ? 'a list' : value === undefined ? 'nothing' : JSON.stringify(value);
  const list = path.at(-1) === 'applications' ? ', as in { shop: { app: "shop.js" } }' : '';
  throw CommandFailure.usage(`${file.placeOf(path)}: ${what} must be an object${list}, but is ${shown}`);
}

function checkKeys(
  file: ConfigurationFile,
  path: readonly string[],
  table: Record<string, unknown>,
  known: readonly string[],
): void {
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue;
    const meant = meantBy(key, path, known);
    throw CommandFailure.usage(`${file.placeOf([...path, key])}: unknown key ${JSON.stringify(key)}${meant}`);
  }
}

/** The rest of the sentence about a key that is not known. */
function meantBy(key: string, path: readonly string[], known: readonly string[]): string {
  if (key === 'logger' || key === 'onChange') return ': a function cannot be given in a file; call startCluster in a program';
  const plain = key.toLowerCase().replaceAll(/[-_]/g, '');
  const other = PM2_NAMES[plain];
  if (path.length > 0 && (plain === 'title' || other === 'title')) return ': the key of the application is its name';
  if (plain === 'title') return ': each key of `applications` is a name';
  if (other !== undefined && known.includes(other)) return `; here it is called ${JSON.stringify(other)}`;
  const word = nearest(key, known);
  return word === undefined ? '' : `; did you mean ${JSON.stringify(word)}?`;
}

/** @throws CommandFailure when a name is not there */
export function namedApplications(all: readonly ConfiguredApplication[], names: readonly string[]): ConfiguredApplication[] {
  return [...new Set(names)].map((name) => {
    const found = all.find(({ title }) => title === name);
    if (found) return found;
    const titles = all.flatMap(({ title }) => title ?? []);
    const word = nearest(name, titles);
    const meant = word === undefined ? '; --no-config starts a program without this file' : `; did you mean ${word}?`;
    throw CommandFailure.usage(`${name} is not an application of ${all[0]!.file}, which has ${titles.join(', ')}${meant}`);
  });
}
