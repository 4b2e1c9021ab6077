// Every document of the repository holds together: relative links lead to files, `#anchors` to headings, and code blocks are
// code. Blocks in TypeScript or JavaScript are parsed; a block that loads trunkline is also type-checked against src.
// `npm run lint` calls this program. `node scripts/check-documents.mjs [file …]` checks some documents only.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Languages of code blocks that are parsed, with the extension of a file in that language. */
const LANGUAGES = {
  ts: '.ts',
  typescript: '.ts',
  mts: '.mts',
  js: '.js',
  javascript: '.js',
  mjs: '.mjs',
  cjs: '.cjs',
  json: '.json',
};

/** Lines of a document, with those inside of code blocks apart. */
function parse(text) {
  const prose = [];
  const blocks = [];
  let block;
  text.split('\n').forEach((line, index) => {
    const fence = /^\s*(?:[-*>]\s+)?(`{3,}|~{3,})\s*(\S*)/.exec(line);
    if (!block && fence) {
      block = { fence: fence[1], language: fence[2].toLowerCase(), line: index + 2, lines: [] };
      blocks.push(block);
    } else if (block && line.trim().startsWith(block.fence)) block = undefined;
    else if (block) block.lines.push(line);
    else prose.push({ line: index + 1, text: line });
  });
  return { prose, blocks: blocks.map(({ lines, ...rest }) => ({ ...rest, code: lines.join('\n') })) };
}

/** The anchors of a document, as GitHub makes them from headings. */
function anchorsOf({ prose }) {
  const counts = new Map();
  const anchors = new Set();
  for (const { text } of prose) {
    for (const [, name] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
    const heading = /^#{1,6}\s+(.+?)\s*#*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]+>/g, '');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function linksOf({ prose }) {
  const links = [];
  for (const { line, text } of prose) {
    const plain = text.replace(/`[^`]*`/g, '');
    for (const [, target] of plain.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)) links.push({ line, target });
    for (const [, target] of plain.matchAll(/^\s*\[[^\]]+\]:\s+(\S+)/g)) links.push({ line, target });
    for (const [, target] of plain.matchAll(/<(?:img|a|source)\b[^>]*?(?:src|href|srcset)="([^"]+)"/g))
      links.push({ line, target });
  }
  return links.filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target));
}

const documents = new Map();
function documentOf(name) {
  if (!documents.has(name)) documents.set(name, parse(readFileSync(join(root, name), 'utf8')));
  return documents.get(name);
}

function checkLinks(name) {
  return linksOf(documentOf(name)).flatMap(({ line, target }) => {
    const [path, anchor] = decodeURI(target).split('#');
    const file = path === '' ? name : relative(root, join(root, path.startsWith('/') ? '.' : dirname(name), path));
    const full = join(root, file);
    if (!existsSync(full)) return [`${name}:${line} leads to ${path}, which does not exist`];
    if (anchor === undefined || !file.endsWith('.md') || statSync(full).isDirectory()) return [];
    return anchorsOf(documentOf(file)).has(anchor) ? [] : [`${name}:${line} leads to #${anchor}, which ${file} does not have`];
  });
}

/** Code blocks as files that do not exist: `README.md.120.ts` is the block whose code begins in line 120. */
function blocksOf(name) {
  return documentOf(name).blocks.flatMap(({ language, line, code }) => {
    const extension = LANGUAGES[language];
    return extension === undefined ? [] : [{ name, line, code, path: join(root, `${name}.${line}${extension}`) }];
  });
}

function messageOf({ name, line, code }, { messageText, start = 0 }) {
  const at = line + code.slice(0, start).split('\n').length - 1;
  return `${name}:${at} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}

function checkSyntax(block) {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext };
  if (block.path.endsWith('.json')) return ts.parseConfigFileTextToJson(block.path, block.code).error ?? [];
  return (
    ts.transpileModule(block.code, { fileName: block.path, reportDiagnostics: true, compilerOptions: options }).diagnostics ?? []
  );
}

/** The source of each entry of the package, by what programs import. */
function sourcesBySpecifier() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.entries(exports).filter(([, { require }]) => require);
  return Object.fromEntries(
    entries.map(([name, { require }]) => [
      `trunkline${name.slice(1)}`,
      [require.types.replace('./dist/', './').replace(/\.d\.ts$/, '.ts')],
    ]),
  );
}

/** Problems of types in blocks that load trunkline. */
function checkTypes(blocks) {
  const codes = new Map(blocks.map((block) => [block.path, block]));
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  Object.assign(options, {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    incremental: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noImplicitAny: false,
    noImplicitOverride: false,
    useUnknownInCatchVariables: false,
    paths: sourcesBySpecifier(),
  });
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => codes.has(path) || fileExists(path);
  host.readFile = (path) => codes.get(path)?.code ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) =>
    codes.has(path)
      ? ts.createSourceFile(path, codes.get(path).code, languageVersion, true)
      : getSourceFile(path, languageVersion, ...rest);
  const program = ts.createProgram([...codes.keys()], options, host);
  return blocks.flatMap((block) =>
    program
      .getSemanticDiagnostics(program.getSourceFile(block.path))
      .filter((diagnostic) => isProblem(block, diagnostic))
      .map((diagnostic) => messageOf(block, diagnostic)),
  );
}

const UNKNOWN_NAME = 2304;
const UNKNOWN_MODULES = [2307, 7016];
const AWAIT_OUTSIDE_OF_MODULES = 1309;
/** Unknown names and members, and wrong numbers of arguments. Other problems of JavaScript come from types that are not declared. */
const PROBLEMS_OF_JAVASCRIPT = [UNKNOWN_NAME, ...UNKNOWN_MODULES, 2305, 2339, 2551, 2552, 2554, 2724];

/** A block may load modules that only the reader has, use names of other blocks of the document, and await at the top level. */
function isProblem({ name, path, code: text }, { code, messageText }) {
  const message = ts.flattenDiagnosticMessageText(messageText, ' ');
  if (/js$/.test(path) && !PROBLEMS_OF_JAVASCRIPT.includes(code)) return false;
  if (UNKNOWN_MODULES.includes(code)) return message.includes("'trunkline");
  if (code === UNKNOWN_NAME) {
    const unknown = /'(.+)'/.exec(message)[1];
    const others = blocksOf(name).filter((other) => other.code !== text);
    return !others.some((other) => new RegExp(`\\b(?:class|const|let|function|import) ${unknown}\\b`).test(other.code));
  }
  return code !== AWAIT_OUTSIDE_OF_MODULES;
}

const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'], {
  cwd: root,
  encoding: 'utf8',
});
const names =
  process.argv.length > 2 ? process.argv.slice(2) : listed.split('\n').filter((name) => name && existsSync(join(root, name)));
const blocks = names.flatMap(blocksOf);
const broken = blocks.flatMap((block) => [checkSyntax(block)].flat().map((diagnostic) => messageOf(block, diagnostic)));
const typed = blocks.filter(({ code, path }) => !path.endsWith('.json') && /['"]trunkline(\/[\w/]+)?['"]/.test(code));
const problems = [...names.flatMap(checkLinks), ...broken, ...checkTypes(typed)];
for (const problem of problems) console.error(problem);
console.log(
  `${names.length} documents, ${blocks.length} code blocks, ${typed.length} of them type-checked: ${problems.length} problems`,
);
if (problems.length > 0) process.exitCode = 1;
