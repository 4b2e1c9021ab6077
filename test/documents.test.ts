// The documents say what the code does: their tables are held to the declarations. test/scenarios/documented-programs.test.ts runs
// the programs in them.

import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import cluster from '../src';
import { asFlag } from '../src/cli/commands/settings';
import { APPLICATION_KEYS, OVERRULED_BY } from '../src/cli/configuration/applications';
import type { SharedClient } from '../src/client/shared-client';
import { ERROR_KINDS } from '../src/errors';
import { OPTION_DECLARATIONS } from '../src/options';
import { resolveSupervisorOptions } from '../src/supervisor/host/options';
import { filesUnder } from './support/files-under';
import { recordingLogger } from './support/recording-logger';

const root = join(__dirname, '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const readme = read('README.md');
const pages = filesUnder(join(root, 'docs'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file.replaceAll('\\', '/')}`);

/** The rows of the first table of a text, as cells. */
function table(text: string): string[][] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const rows = lines.slice(first);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(2, end === -1 ? undefined : end).map(cells);
}

/** The text below a heading of the second level. */
function section(heading: string, document: string): string {
  return document.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
}

/** The texts below the headings of the third level that are code, by heading. */
function entries(document: string): Map<string, string> {
  const parts = document.split(/^#{2,3} /m).slice(1);
  return new Map(
    parts.flatMap((part) => {
      const [, heading] = /^(`\S+`)\n/.exec(part) ?? [];
      return heading === undefined ? [] : [[heading, part.slice(heading.length)]];
    }),
  );
}

/** The doc comment of an option. */
function commentOf(name: string, source: string): string | undefined {
  return new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+${name}\\?:`).exec(source)?.[1];
}

/** The prototypes of an object up to EventEmitter. */
function prototypesOf(value: object): object[] {
  const prototypes: object[] = [];
  let prototype = Object.getPrototypeOf(value) as object;
  while (prototype !== EventEmitter.prototype) {
    prototypes.push(prototype);
    prototype = Object.getPrototypeOf(prototype) as object;
  }
  return prototypes;
}

/** Where the links of a document lead, without those to other sites and within the page. */
function linksOf(document: string): string[] {
  const targets = [...read(document).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^https?:/.test(target));
}

/** The values of every constant of this name. */
function declarations(source: string, name: string): number[] {
  return [...source.matchAll(new RegExp(`const ${name} = ([\\d_]+);`, 'g'))].map(([, value]) =>
    Number(value!.replaceAll('_', '')),
  );
}

function cells(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

const code = (text: string): string => `\`${text}\``;
const isFigure = (value: unknown): boolean => ['number', 'boolean'].includes(typeof value);

it('the maps of src name every file, no other, and no line twice', () => {
  const maps = ['src/README.md', 'src/supervisor/README.md']
    .map((file) => read(file).split('```')[1]!.slice('text'.length))
    .join('\n');
  const lines = maps.split('\n').filter((line) => line.trim() !== '');
  const names = [...maps.matchAll(/[\w-]+\.m?ts\b/g)].map(([name]) => name);
  const sourcesIn = (folder: string): string[] =>
    filesUnder(join(root, folder))
      .map((file) => basename(file))
      .filter((file) => /\.m?ts$/.test(file));
  const known = new Set([...sourcesIn('src'), ...sourcesIn('protocol')]);
  expect(lines.filter((line, index) => lines.indexOf(line) !== index)).toEqual([]);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  expect(sourcesIn('src').filter((file) => !names.includes(file))).toEqual([]);
});

describe('docs/errors.md', () => {
  const document = read('docs/errors.md');
  const codes = Object.keys(ERROR_KINDS);

  it('has the list of codes as its table', () => {
    const declared = Object.entries(ERROR_KINDS).map(([name, { retryable, meaning }]) => [
      code(name),
      retryable ? 'yes' : 'no',
      meaning,
    ]);
    expect(table(document)).toEqual(declared);
  });

  it('says of every code what causes it and what to do', () => {
    const sections = entries(document);
    expect([...sections.keys()].sort()).toEqual(codes.map(code).sort());
    const incomplete = [...sections].filter(([, text]) => !/Cause:/.test(text) || !/What\s+to\s+do:/.test(text));
    expect(incomplete.map(([name]) => name)).toEqual([]);
  });

  it('says which error names stayed those of cluster-client', () => {
    for (const { legacyName } of Object.values(ERROR_KINDS)) if (legacyName) expect(document).toContain(code(legacyName));
  });
});

describe('docs/options.md', () => {
  const document = read('docs/options.md');

  it('has a table of every option with its default and environment variable', () => {
    const rows = table(document).map(([name, byDefault, env]) => ({ name, byDefault, env }));
    const declared = Object.entries(OPTION_DECLARATIONS).map(([name, declaration]) => ({
      name: code(name),
      byDefault: isFigure(declaration.default) ? code(JSON.stringify(declaration.default)) : expect.stringMatching(/^[^`]+$/),
      env: declaration.env ? code(declaration.env) : '',
    }));
    expect(rows).toEqual(declared);
  });

  it('has a paragraph for every option', () => {
    expect([...entries(document).keys()].sort()).toEqual(Object.keys(OPTION_DECLARATIONS).map(code).sort());
  });

  it.each(Object.entries(OPTION_DECLARATIONS).filter(([, { default: value }]) => isFigure(value)))(
    'gives the declared default of %s, and so does its doc comment',
    (name, { default: value }) => {
      const figure = JSON.stringify(value);
      expect(entries(document).get(code(name))).toMatch(new RegExp(`Default\\s+(${code(figure)}|${figure}\\b)`));
      expect(commentOf(name, read('src/options.ts'))).toMatch(new RegExp(`Default[\\s*]+${figure}\\b`));
    },
  );
});

describe('docs/api.md', () => {
  const document = read('docs/api.md');
  const client = cluster(class Upstream {}, { singleMode: true, logger: recordingLogger() }).create() as object as SharedClient;
  afterAll(() => client.close());

  it('names every member that a shared client has beyond those of an EventEmitter', () => {
    // `mirrorReady` serves APIClientBase and is not part of the type; `toJSON` is for the console.
    const internal = ['constructor', 'mirrorReady', 'toJSON'];
    const members = new Set(prototypesOf(client).flatMap((prototype) => Object.getOwnPropertyNames(prototype)));
    const named = [...members].filter(
      (name) => !name.startsWith('_') && !internal.includes(name) && !(name in EventEmitter.prototype),
    );
    expect(named).toEqual(expect.arrayContaining(['ready', 'status', 'isClusterClientLeader']));
    expect(named.filter((name) => !document.includes(`\`${name}`))).toEqual([]);
  });

  it('names every export', () => {
    const exported = [...read('src/index.mts').matchAll(/^export (?:type|const) (\w+)/gm)].map(([, name]) => name!);
    const values = Object.keys(cluster).filter((name) => name !== 'default');
    expect([...exported, ...values].filter((name) => !new RegExp(`\`${name}\\b`).test(document))).toEqual([]);
  });

  it('has a table of the fields of the status', () => {
    const fields = table(document.split('### `status`')[1]!).map(([name]) => name);
    expect(fields).toEqual(Object.keys(client.status()).map(code));
  });
});

describe('docs/supervisor/options.md', () => {
  const declarations = read('src/supervisor/host/options.ts').split('export type SupervisorOptions')[0]!;
  const rows = table(read('docs/supervisor/options.md'));

  it('has a table of every option of startCluster', () => {
    const declared = [...declarations.matchAll(/^ {2}(\w+)\??: /gm)].map(([, name]) => name!);
    // The kinds of application exclude each other's: `app?: undefined`.
    expect(rows.map(([name]) => name)).toEqual([...new Set(declared)].map(code));
  });

  const resolved = resolveSupervisorOptions({ app: __filename, nodeArgs: ['--import', 'tsx'] }, {}) as object as Record<
    string,
    unknown
  >;
  const figures = rows.flatMap(([name, byDefault]) => {
    const [, figure] = /^`(\d+|true|false)`$/.exec(byDefault!) ?? [];
    return figure === undefined ? [] : [{ name: name!.slice(1, -1), figure }];
  });
  it.each(figures)('gives the default of $name as the code and its doc comment do', ({ name, figure }) => {
    expect(commentOf(name, declarations)).toMatch(new RegExp(`Default[\\s*]+${figure}\\b|^(?![^]*Default)`));
    const value = resolved[`${name}Ms`] ?? resolved[name];
    if (value !== undefined) expect(JSON.stringify(value)).toBe(figure);
  });
});

describe('docs/configuration.md', () => {
  const rows = table(section('What counts more', read('docs/configuration.md')));

  it('has a table of every key, with its flag and the variables that count more', () => {
    expect(rows.map(([key]) => key)).toEqual(['title', 'applications', ...APPLICATION_KEYS].map(code));
    for (const [key = '', flag = '', env] of rows) {
      const name = key.slice(1, -1);
      const known = asFlag(name, 'subject');
      if (known.startsWith('--'))
        expect(flag.split(', ')).toContain(code(name === 'compileCache' ? '--no-compile-cache' : known));
      expect(env).toBe((OVERRULED_BY[name as keyof typeof OVERRULED_BY] ?? []).map(code).join(', '));
    }
  });
});

it('the API reference is made from every export', () => {
  const exported = [...read('src/index.mts').matchAll(/^export (?:type|const) (\w+)/gm)].map(([, name]) => name!);
  const names = read('types/reference/trunkline.ts').match(/\w+/g)!;
  expect([...exported, ...Object.keys(cluster)].filter((name) => !names.includes(name))).toEqual([]);
});

it('the maps of src name every file of it', () => {
  const map = ['src/README.md', 'src/supervisor/README.md'].map(read).join();
  const files = filesUnder(join(root, 'src')).filter((name) => /\.m?ts$/.test(name));
  expect(files.filter((name) => !map.includes(name.split(/[/\\]/).at(-1)!))).toEqual([]);
});

it('no cell of a table is longer than 160 characters', () => {
  const others = ['src', 'src/supervisor', 'protocol', 'bench', 'chaos', 'examples'].map((folder) => `${folder}/README.md`);
  const long = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages, ...others].flatMap((document) =>
    read(document)
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .flatMap(cells)
      .filter((cell) => cell.length > 160 && !/^:?-+:?$/.test(cell))
      .map((cell) => `${document}: ${cell}`),
  );
  expect(long).toEqual([]);
});

it('the README is short, and its links lead to files of the package', () => {
  expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(14 * 1024);
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  const published = files.filter((name) => !/[!*]/.test(name));
  const links = ['README.md', 'docs/README.md'].flatMap((document) =>
    linksOf(document).map((target) => join(dirname(document), target).replaceAll('\\', '/')),
  );
  expect(links.filter((path) => !published.some((name) => path === name || path.startsWith(`${name}/`)))).toEqual([]);
});

it('the index of the documents names every page', () => {
  const index = linksOf('docs/README.md').map((target) => join('docs', target).replaceAll('\\', '/'));
  expect(pages.filter((page) => page !== 'docs/README.md' && !index.includes(page))).toEqual([]);
});

it('the picture of the README is what its script draws', () => {
  execFileSync(process.execPath, [join(root, 'scripts/draw-topology.mjs'), '--check'], { stdio: 'pipe' });
});

it('the timers in the page of the hand-off are those of the code', () => {
  const code = ['src/election', 'src/roles', 'src/client']
    .flatMap((folder) => filesUnder(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((name) => name.endsWith('.ts'))
    .map(read)
    .join();
  const rows = table(section('The timers', read('docs/internals/hand-off.md')));
  expect(rows.length).toBeGreaterThan(0);
  const declared = rows.map(([name, time]) => {
    const [, count, unit] = /^(\d+) (ms|s)/.exec(time!)!;
    return { name, isDeclared: declarations(code, name!.slice(1, -1)).includes(Number(count) * (unit === 's' ? 1_000 : 1)) };
  });
  expect(declared.filter(({ isDeclared }) => !isDeclared)).toEqual([]);
});
