// Comments are plain English that stands alone. Counts the comments that begin in the middle of a thought, the words that
// refer to something outside of the sentence, and the comments that are too long; fails where a goal is missed.
// `npm run lint` calls this program. `node scripts/check-comments.mjs --all [folder …]` prints every finding.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** Largest share of comments that begin in the middle of a thought. nats.js, ioredis, memberlist and fastify have 1 %. */
const MAX_OPENINGS = 0.02;
/** Largest share of reference words among all words of comments. The same four projects have 1 to 1.4 %. */
const MAX_REFERENCES = 0.015;
/** Words in one comment, without its tags. A longer explanation belongs into a document. */
const MAX_WORDS = 80;

/** A first word that needs the line before. */
const OPENING =
  /^(?:of|the (?:same|others?)|those|whoever|whatever|whichever|it|its|it's|they|their|them|and|but|or|nor|so|also|such|otherwise|too|then|therefore|thus|hence|likewise|one (?:that|of|which|who)|ones)\b/i;
/** A relative clause. With a capital letter the word begins a question, such as "Which process leads." */
const RELATIVE_CLAUSE = /^(?:which|who|whose)\b/;
const REFERENCE = /^(?:it|its|itself|one|ones|those|whoever|whatever|whichever|they|them|their|themselves)$/i;
/** Instructions to tools, which are not prose. */
const DIRECTIVE = /^(?:eslint|@ts-|prettier|c8|#|<reference|@type )/;

/** Folders that must reach the goals together. */
const GROUPS = [
  ['src', 'protocol'],
  ['test', 'bench', 'chaos', 'examples', 'scripts'],
];

/**
 * The comments of a source text: adjacent lines of `//` are one comment.
 * @returns {{ line: number, endLine: number, start: number, end: number, isBlock: boolean, isAlone: boolean, text: string }[]}
 */
export function commentsOf(source, name) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const ranges = new Map();
  const visit = (node) => {
    const around = [
      ...(ts.getLeadingCommentRanges(source, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.end) ?? []),
    ];
    for (const range of around) ranges.set(range.pos, range);
    for (const child of node.getChildren(file)) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(file);
  const comments = [];
  for (const { pos, end, kind } of [...ranges.values()].sort((a, b) => a.pos - b.pos)) {
    const lineOf = (position) => file.getLineAndCharacterOfPosition(position).line + 1;
    const isBlock = kind === ts.SyntaxKind.MultiLineCommentTrivia;
    const raw = source.slice(pos, end);
    const text = isBlock ? raw.slice(2, -2).replace(/^\s*\*+ ?/gm, '') : raw.slice(2);
    const isAlone = source.slice(source.lastIndexOf('\n', pos - 1) + 1, pos).trim() === '';
    const comment = { line: lineOf(pos), endLine: lineOf(end), start: pos, end, isBlock, isAlone, text: text.trim() };
    const last = comments.at(-1);
    if (last && !isBlock && isAlone && !last.isBlock && last.isAlone && last.endLine === comment.line - 1) {
      comments[comments.length - 1] = { ...last, end, endLine: comment.endLine, text: `${last.text}\n${comment.text}` };
    } else comments.push(comment);
  }
  return comments.filter(({ text }) => !DIRECTIVE.test(text));
}

/** Words of prose: without code in backticks, addresses and names of tags. */
function wordsOf(text) {
  const prose = text.replace(/```.*?```/gs, ' ').replace(/`[^`]*`|https?:\S+|@\w+/g, ' ');
  return prose.match(/[A-Za-z][A-Za-z'’-]*/g) ?? [];
}

/** What is wrong with one comment. */
export function judge(text) {
  const words = wordsOf(text);
  const first = text.replace(/^@\w+\s+/, '');
  return {
    words: words.length,
    length: wordsOf(text.split(/^\s*@/m)[0]).length,
    references: words.filter((word) => REFERENCE.test(word)),
    opening: OPENING.test(first) || RELATIVE_CLAUSE.test(first),
  };
}

function check(folders, printAll) {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...folders], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = listed.split('\n').filter((name) => /\.[cm]?[jt]s$/.test(name) && existsSync(join(root, name)));
  const findings = [];
  const total = { comments: 0, openings: 0, words: 0, references: 0, long: 0 };
  for (const name of files) {
    for (const { line, text } of commentsOf(readFileSync(join(root, name), 'utf8'), name)) {
      const { words, length, references, opening } = judge(text);
      const isLong = length > MAX_WORDS;
      total.comments += 1;
      total.words += words;
      total.references += references.length;
      total.openings += opening ? 1 : 0;
      total.long += isLong ? 1 : 0;
      const begin = text.split(/\s+/).slice(0, 5).join(' ');
      if (opening) findings.push(`${name}:${line} begins in the middle of a thought: ${begin} …`);
      if (isLong) findings.push(`${name}:${line} has ${length} words, at most ${MAX_WORDS} are allowed: ${begin} …`);
      if (references.length > 0) findings.push(`${name}:${line} refers with ${references.join(', ')}: ${begin} …`);
    }
  }
  const percent = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;
  const isGood =
    total.openings <= MAX_OPENINGS * total.comments && total.references <= MAX_REFERENCES * total.words && total.long === 0;
  if (!isGood || printAll) for (const finding of findings) console.log(finding);
  console.log(
    `${folders.join(', ')}: ${total.comments} comments, ${percent(total.openings, total.comments)} begin in the middle of a thought ` +
      `(goal ${100 * MAX_OPENINGS} %), ${percent(total.references, total.words)} of ${total.words} words refer (goal ${100 * MAX_REFERENCES} %), ` +
      `${total.long} are too long`,
  );
  return isGood;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folders = process.argv.slice(2).filter((argument) => argument !== '--all');
  const printAll = process.argv.includes('--all');
  const groups = folders.length > 0 ? [folders] : GROUPS;
  if (groups.map((group) => check(group, printAll)).includes(false)) process.exitCode = 1;
}
