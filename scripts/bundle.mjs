// Puts the files of the published package together: `dist/package`, a few files instead of more than a hundred, because reading
// and compiling many small files is half the cost of loading. The layout is the same as in `src`. Every module is in exactly one
// file, and all entry points share one instance. FILES lists the files. Types are not bundled: types stay in dist/src.

import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src');
const target = join(root, 'dist', 'package');

const kernel = readdirSync(source)
  .filter((name) => name.endsWith('.ts') && name !== 'index.ts')
  .map((name) => name.slice(0, -'.ts'.length));
/**
 * The files by place in the package. `entry` is a module of src. A file that `holds` several modules exports what other files
 * ask for, and is therefore made after these files.
 */
const FILES = [
  { out: 'index.js', entry: 'index' },
  { out: 'supervisor/index.js', entry: 'supervisor/index' },
  { out: 'supervisor/child/entry.js', entry: 'supervisor/child/entry' },
  { out: 'supervisor/child/watchdog-thread.js', entry: 'supervisor/child/watchdog-thread' },
  { out: 'observe/index.js', entry: 'observe/index' },
  { out: 'adapters/etcd/index.js', entry: 'adapters/etcd/index' },
  { out: 'adapters/file/index.js', entry: 'adapters/file/index' },
  { out: 'adapters/redis/index.js', entry: 'adapters/redis/index' },
  { out: 'adapters/zookeeper/index.js', entry: 'adapters/zookeeper/index' },
  { out: 'testing/index.js', entry: 'testing/index' },
  { out: 'fleet/index.js', entry: 'fleet/index' },
  { out: 'fleet/redis.js', entry: 'fleet/redis' },
  { out: 'testing/member-entry.js', entry: 'testing/member-entry' },
  { out: 'fleet/etcd.js', entry: 'fleet/etcd' },
  { out: 'cli/main.js', entry: 'cli/main' },
  { out: 'cli/daemon-entry.js', entry: 'cli/commands/daemon-entry' },
  { out: 'cli/keeper-entry.js', entry: 'cli/logs/keeper-entry' },
  { out: 'supervisor/parts.js', holds: (module) => isPartOfSupervisor(module) && !isPartOfChild(module) },
  { out: 'supervisor/child/parts.js', holds: isPartOfChild },
  { out: 'etcd.js', holds: (module) => module.startsWith('etcd/') },
  { out: 'adapters/parts.js', holds: (module) => /^adapters\/[^/]+$/.test(module) },
  { out: 'view.js', holds: (module) => module.startsWith('view/') },
  { out: 'kernel.js', holds: (module) => kernel.includes(module) },
];
/** Modules for ESM, which only hand on to the files above. */
const WRAPPERS = [
  ...Object.values(require(join(root, 'package.json')).exports).flatMap((entry) => entry.import?.default ?? []),
  './dist/package/require-in-bundle.mjs',
].map((path) => path.slice('./dist/package/'.length));
const entries = FILES.flatMap(({ entry }) => entry ?? []);

/** Programs are not parts: each program is a separate file. */
function isPartOfSupervisor(module) {
  return module.startsWith('supervisor/') && !entries.includes(module);
}

/** What runs in a child, and what it shares with its master. */
function isPartOfChild(module) {
  const isShared = [
    'host/entry-file',
    'host/health',
    'host/lost-output',
    'host/resolve-module',
    'messaging/messages',
    'messaging/messenger',
  ].includes(module.slice('supervisor/'.length));
  return isPartOfSupervisor(module) && (module.startsWith('supervisor/child/') || isShared);
}

export default async function bundle() {
  rmSync(target, { recursive: true, force: true });
  const inputs = new Set();
  /** The modules that other files ask of each file. */
  const asked = new Map(FILES.map(({ out }) => [out, new Set()]));
  for (const file of FILES) for (const input of await write(file, asked)) inputs.add(input);
  for (const input of await writePage()) inputs.add(input);
  for (const { out, holds } of FILES) if (holds) assertComplete(out, asked.get(out));
  for (const wrapper of WRAPPERS) copyFileSync(join(root, 'dist', 'src', wrapper), join(target, wrapper));
  writeFileSync(join(target, 'THIRD-PARTY-NOTICES.txt'), noticesOf(inputs));
}

async function write({ out, entry }, asked) {
  const { metafile, warnings } = await build({
    ...(entry
      ? { entryPoints: [join(source, `${entry}.ts`)] }
      : { stdin: { contents: exportsOf(asked.get(out)), resolveDir: source, loader: 'ts' } }),
    outfile: join(target, out),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    sourcemap: true,
    sourcesContent: false, // src is in the package
    tsconfig: join(root, 'tsconfig.json'),
    // Needed by some processes only, and loaded there.
    external: [
      'byte',
      'serialize-json',
      'commander',
      '@opentelemetry/api',
      'prom-client',
      'ioredis',
      '@grpc/grpc-js',
      'yaml',
      'node-zookeeper-client',
    ],
    plugins: [elsewhere(out, asked)],
    metafile: true,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(`${out}: ${warnings.map(({ text }) => text).join('; ')}`);
  return Object.keys(metafile.inputs);
}

/** The page of the dashboard: a script and a style sheet for browsers, with all that they need inside. */
async function writePage() {
  const page = join(source, 'observe', 'page');
  const folder = join(target, 'observe', 'page');
  const { metafile, warnings } = await build({
    entryPoints: [join(page, 'page.ts'), join(page, 'page.css')],
    outdir: folder,
    bundle: true,
    minify: true,
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16'],
    format: 'esm',
    tsconfig: join(page, 'tsconfig.json'),
    metafile: true,
    logLevel: 'silent',
  });
  if (warnings.length > 0) throw new Error(`the page: ${warnings.map(({ text }) => text).join('; ')}`);
  for (const file of ['index.html', 'icon.svg']) copyFileSync(join(page, file), join(folder, file));
  return Object.keys(metafile.inputs);
}

/** If two modules of a file exported the same name, the name would silently be lost. */
function assertComplete(out, modules) {
  const given = require(join(target, out));
  for (const module of modules) {
    const missing = Object.keys(require(join(root, 'dist', 'src', module))).filter((name) => !(name in given));
    if (missing.length > 0) throw new Error(`${out}: another module exports a name of ${module} too: ${missing.join(', ')}`);
  }
}

function exportsOf(modules) {
  return [...modules]
    .sort()
    .map((module) => `export * from './${module}';`)
    .join('\n');
}

/** Modules that another file holds are required from there. */
function elsewhere(out, asked) {
  return {
    name: 'elsewhere',
    setup(plugin) {
      plugin.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const module = moduleOf(join(resolveDir, path));
        const file = FILES.find((each) => each.holds?.(module) ?? each.entry === module);
        if (!file || file.out === out) return undefined;
        asked.get(file.out).add(module);
        const way = relative(dirname(join(target, out)), join(target, file.out))
          .split(sep)
          .join('/');
        return { path: way.startsWith('.') ? way : `./${way}`, external: true };
      });
    },
  };
}

/** The name of a module under src, such as `roles/leader`; for a folder, the index of the folder. */
function moduleOf(path) {
  const name = relative(source, path).split(sep).join('/');
  return ['supervisor', 'observe', 'testing', 'fleet'].includes(name) ? `${name}/index` : name;
}

/** Licences of the packages whose code is in the files. */
function noticesOf(inputs) {
  const folders = new Set([...inputs].flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const notices = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each));
    return [`${name} ${version} (${license})`, file ? readFileSync(join(root, folder, file), 'utf8').trim() : '']
      .join('\n\n')
      .trim();
  });
  return `The files beside this one contain code of these packages.\n\n${notices.join('\n\n----\n\n')}\n`;
}
