// The layers of src/README.md: which folder may import which. ESLint says so while a file is written (eslint.config.js), and
// test/architecture.test.ts holds the same table, with what a pattern of ESLint cannot express.

const ROLES = ['src/roles', 'src/roles/local', 'src/roles/leader', 'src/roles/follower'];

/**
 * Folder → other folders that may be imported there. `kernel` are the files directly in src, `public face` the index among them.
 * @type {Record<string, readonly string[]>}
 */
const ALLOWED = {
  protocol: [],
  kernel: ['protocol'],
  // The processes that meet talk over connections.
  'src/election': ['kernel', 'protocol', 'src/transport'],
  'src/transport': ['kernel', 'protocol'],
  // Three rooms above what they share: the two sides of a wire do not know each other.
  'src/roles': ['kernel', 'protocol', 'src/transport', 'src/election (types)'],
  'src/roles/local': ['kernel', 'protocol', 'src/roles'],
  'src/roles/leader': ['kernel', 'protocol', 'src/transport', 'src/election (types)', 'src/roles', 'src/roles/local'],
  'src/roles/follower': ['kernel', 'protocol', 'src/transport', 'src/election (types)', 'src/roles'],
  'src/client': ['kernel', 'protocol', ...ROLES, 'src/election', 'src/transport'],
  'src/supervisor': ['kernel'],
  // The composition root of the program `trunkline`.
  'src/cli': ['kernel', 'protocol', 'src/supervisor', 'src/client', ...ROLES, 'src/election', 'src/transport', 'public face'],
  'public face': ['kernel', 'protocol', 'src/client', 'src/supervisor (types)'],
};

/**
 * Packages, by the folder that may import each package. Everything else is built into Node.
 * @type {Record<string, readonly string[]>}
 */
const PACKAGES = {
  protocol: ['byte', 'serialize-json'],
  'src/client': ['sdk-base'],
  'src/cli': ['commander'],
};

/** The files of each layer, for layers that are no folder of src. */
const FILES = {
  protocol: { files: ['protocol/*.ts'] },
  kernel: { files: ['src/*.ts', 'src/*.mts'], ignores: ['src/index.*'] },
  'public face': { files: ['src/index.*'] },
  'src/roles': { files: ['src/roles/*.ts'] },
};

/** How a relative import names a file of the layer; undefined for layers that a pattern cannot tell from others. */
function specifierOf(layer) {
  if (layer === 'protocol') return '^(\\.\\./)+protocol/';
  const [top, folder, room] = layer.split('/');
  if (top !== 'src') return undefined;
  const path = room === undefined ? `(src/)?${folder}` : `((src/)?${folder}/)?${room}`; // a room beside another one is named alone
  return `^(\\./|(\\.\\./)+)${path}(/|$)`;
}

/** @returns the configuration of ESLint that forbids what the tables do not allow */
function importRules() {
  return Object.entries(ALLOWED).map(([layer, allowed]) => {
    const others = Object.keys(ALLOWED).filter((other) => other !== layer && !allowed.includes(other) && specifierOf(other));
    const folders = others.map((other) => ({
      regex: specifierOf(other),
      allowTypeImports: allowed.includes(`${other} (types)`),
      message: `${layer} must not import ${other}: see layers.js.`,
    }));
    const packages = {
      regex: `^(?!\\.|node:|(${(PACKAGES[layer] ?? []).join('|')})$)`,
      message: `${layer} may import only these packages: ${PACKAGES[layer]?.join(', ') ?? 'none'}. See layers.js.`,
    };
    const rule = ['error', { patterns: [...folders, packages] }];
    return { ...(FILES[layer] ?? { files: [`${layer}/**/*.ts`] }), rules: { '@typescript-eslint/no-restricted-imports': rule } };
  });
}

module.exports = { ALLOWED, PACKAGES, importRules };
